//! Rows rearranged for register-tiled products.

/// How many rows stand side by side in a panel.
pub const LANES: usize = 16;

/// A block of rows packed for [`super::dot_panels`] and [`super::l2_panels`]: panels of [`LANES`] rows, each stored
/// component by component (component j of all 16 rows, then component j+1 …), so that a kernel's vector lanes are
/// rows and no sum has to cross lanes. The last panel is padded with zeros. Reuse one value: its memory is kept.
#[derive(Debug, Clone, Default)]
pub struct Panels {
    dim: usize,
    rows: usize,
    data: Vec<f32>,
}

impl Panels {
    /// No rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Packs row-major `rows` of `dim` > 0 numbers each, row r multiplied by `scale(r)`. Panics if `rows` is no whole
    /// number of rows.
    pub fn pack(&mut self, rows: &[f32], dim: usize, scale: impl Fn(usize) -> f32) {
        self.pack_with(super::Set::active(), rows, dim, scale);
    }

    /// [`Panels::pack`] by a chosen set of kernels; all give the same bits.
    pub fn pack_with(
        &mut self,
        set: &super::Set,
        rows: &[f32],
        dim: usize,
        scale: impl Fn(usize) -> f32,
    ) {
        assert!(
            dim > 0 && rows.len().is_multiple_of(dim),
            "{} numbers are no rows of {dim}",
            rows.len()
        );
        self.dim = dim;
        self.rows = rows.len() / dim;
        self.data.resize(self.stride() * dim, 0.0);
        let panels = self.data.chunks_exact_mut(LANES * dim);
        for (p, (rows, panel)) in rows.chunks(LANES * dim).zip(panels).enumerate() {
            if rows.len() == panel.len() {
                set.pack(rows, dim, &std::array::from_fn(|r| scale(p * LANES + r)), panel);
            } else {
                panel.fill(0.0);
                for (r, row) in rows.chunks_exact(dim).enumerate() {
                    let scale = scale(p * LANES + r);
                    for (lanes, x) in panel.chunks_exact_mut(LANES).zip(row) {
                        lanes[r] = x * scale;
                    }
                }
            }
        }
    }

    /// The number of components of each row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The number of rows packed.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of rows with padding: a multiple of [`LANES`].
    pub fn stride(&self) -> usize {
        self.rows.next_multiple_of(LANES)
    }

    /// `stride × dim` numbers, panel after panel.
    pub(super) fn data(&self) -> &[f32] {
        &self.data
    }
}
