//! Orthogonal Procrustes analysis: the rigid motion that brings points closest to others.
//!
//! With x and y the two sets less their means, M = Σ xᵢᵀyᵢ = U·S·Vᵀ, the orthogonal R = U·Vᵀ minimises Σ ‖xᵢ·R − yᵢ‖²
//! (Schönemann, Psychometrika 31, 1966), reflections included; with a scale, s = tr S / Σ ‖xᵢ‖² does so for s·xᵢ·R.

use faer::Mat;

use super::Matrix;
use super::dense::no_convergence;
use crate::error::{Error, Result};

/// x ↦ `scale`·(x − m)·R + m′, R orthogonal.
#[derive(Debug, Clone, PartialEq)]
pub struct Procrustes {
    /// R, d × d, row after row.
    rotation: Vec<f64>,
    scale: f64,
    from: Vec<f64>,
    to: Vec<f64>,
}

/// The motion that brings the rows of `from` closest to those of `to`, in the sum of squared distances; `scale` lets it
/// change their size as well. Both have to be of the same shape, with at least one row, and finite.
pub fn procrustes(from: &Matrix, to: &Matrix, scale: bool) -> Result<Procrustes> {
    let (n, d) = (from.rows(), from.cols());
    if (to.rows(), to.cols()) != (n, d) || n == 0 || d == 0 {
        return Err(Error::data(format!(
            "{n} × {d} positions cannot be laid on {} × {}",
            to.rows(),
            to.cols()
        )));
    }
    if [from, to].iter().any(|points| points.as_slice().iter().any(|x| !x.is_finite())) {
        return Err(Error::data("a position is not finite"));
    }
    let (from_mean, to_mean) = (mean(from), mean(to));
    let (mut product, mut squares) = (vec![0.0; d * d], 0.0);
    for (x, y) in from.iter_rows().zip(to.iter_rows()) {
        for i in 0..d {
            let off = f64::from(x[i]) - from_mean[i];
            squares += off * off;
            for j in 0..d {
                product[i * d + j] += off * (f64::from(y[j]) - to_mean[j]);
            }
        }
    }
    let mut found = Procrustes {
        rotation: (0..d * d).map(|at| f64::from(u8::from(at / d == at % d))).collect(),
        scale: 1.0,
        from: from_mean,
        to: to_mean,
    };
    if product.iter().all(|&x| x == 0.0) {
        return Ok(found); // one point, or one place: nothing says how to turn
    }
    let matrix = Mat::from_fn(d, d, |i, j| product[i * d + j]);
    let svd = matrix.thin_svd().map_err(|_| no_convergence(d, d))?;
    let (u, v) = (svd.U(), svd.V());
    for i in 0..d {
        for j in 0..d {
            found.rotation[i * d + j] = (0..d).map(|k| u[(i, k)] * v[(j, k)]).sum();
        }
    }
    if scale {
        found.scale = svd.S().column_vector().iter().sum::<f64>() / squares;
    }
    Ok(found)
}

impl Procrustes {
    /// Moves a point.
    pub fn apply(&self, point: &mut [f32]) {
        let off: Vec<f64> =
            point.iter().zip(&self.from).map(|(&x, mean)| f64::from(x) - mean).collect();
        let d = off.len();
        for (j, x) in point.iter_mut().enumerate() {
            let turned: f64 = (0..d).map(|i| off[i] * self.rotation[i * d + j]).sum();
            *x = (self.scale * turned + self.to[j]) as f32;
        }
    }

    /// How much the points grow: 1 unless that was left free.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// R, row after row.
    pub fn rotation(&self) -> &[f64] {
        &self.rotation
    }
}

fn mean(points: &Matrix) -> Vec<f64> {
    let mut mean = vec![0.0; points.cols()];
    for point in points.iter_rows() {
        mean.iter_mut().zip(point).for_each(|(mean, &x)| *mean += f64::from(x));
    }
    mean.into_iter().map(|sum| sum / points.rows() as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud() -> Matrix {
        let numbers = (0..60).map(|i| ((i * i * 7 + i * 13) % 31) as f32 / 3.0).collect();
        Matrix::new(20, 3, numbers).unwrap()
    }

    /// The cloud, turned about two axes, mirrored or not, grown and moved.
    fn moved(grow: f64, mirror: f64) -> Matrix {
        let (a, b) = (0.7_f64, -1.9_f64);
        let mut out = cloud();
        for i in 0..20 {
            let [x, y, z] = std::array::from_fn(|axis| f64::from(cloud().row(i)[axis]));
            let (x, y) = (x * a.cos() - y * a.sin(), x * a.sin() + y * a.cos());
            let (y, z) = (y * b.cos() - z * b.sin(), y * b.sin() + z * b.cos());
            let to = [grow * x + 4.0, grow * mirror * y - 9.0, grow * z + 100.0];
            out.row_mut(i).copy_from_slice(&to.map(|x| x as f32));
        }
        out
    }

    #[test]
    fn a_planted_motion_is_found() {
        for (grow, mirror, scale) in [(1.0, 1.0, false), (1.0, -1.0, false), (2.5, 1.0, true)] {
            let (from, to) = (cloud(), moved(grow, mirror));
            let motion = procrustes(&from, &to, scale).unwrap();
            assert!((motion.scale() - grow).abs() < 1e-6);
            let r = motion.rotation();
            let determinant = r[0] * (r[4] * r[8] - r[5] * r[7])
                - r[1] * (r[3] * r[8] - r[5] * r[6])
                + r[2] * (r[3] * r[7] - r[4] * r[6]);
            assert!((determinant - mirror).abs() < 1e-9);
            for i in 0..20 {
                let mut x = from.row(i).to_vec();
                motion.apply(&mut x);
                assert!(x.iter().zip(to.row(i)).all(|(a, b)| (a - b).abs() < 1e-4), "{i}");
            }
        }
    }

    #[test]
    fn what_has_no_direction_is_only_shifted() {
        let point = |x: f32| Matrix::new(2, 2, vec![x, 1.0, x, 1.0]).unwrap();
        let motion = procrustes(&point(3.0), &point(8.0), true).unwrap();
        let mut x = [4.0, 1.0];
        motion.apply(&mut x);
        assert_eq!((x, motion.scale()), ([9.0, 1.0], 1.0));
        assert!(procrustes(&cloud(), &point(1.0), false).is_err());
        assert!(procrustes(&Matrix::zeros(0, 2), &Matrix::zeros(0, 2), false).is_err());
        assert!(procrustes(&point(f32::NAN), &point(1.0), false).is_err());
    }
}
