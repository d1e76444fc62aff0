//! Sets that only grow together (Galler & Fischer 1964; Tarjan 1975).

/// Disjoint sets of 0..n.
pub(super) struct Union {
    parent: Vec<u32>,
    size: Vec<u32>,
}

impl Union {
    /// Each in a set of its own.
    pub(super) fn new(n: usize) -> Self {
        Union { parent: (0..n as u32).collect(), size: vec![1; n] }
    }

    /// The one that stands for the set of `x`.
    pub(super) fn find(&mut self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            let above = self.parent[self.parent[x as usize] as usize];
            self.parent[x as usize] = above;
            x = above;
        }
        x
    }

    /// Makes one set of two: gives who stands for it now and who does no longer; `None` if they were one already.
    pub(super) fn join(&mut self, a: u32, b: u32) -> Option<(u32, u32)> {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return None;
        }
        // The larger stays; of equals the first.
        let key = |x: u32| (std::cmp::Reverse(self.size[x as usize]), x);
        let (stays, goes) = if key(a) < key(b) { (a, b) } else { (b, a) };
        self.parent[goes as usize] = stays;
        self.size[stays as usize] += self.size[goes as usize];
        Some((stays, goes))
    }
}
