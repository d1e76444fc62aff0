//! A new point on a map of principal components: its own components, and so exact.

use serde_json::Value;

use super::{Frozen, Newcomer, Place};
use crate::error::{Error, Result};
use crate::index::FieldRows;
use crate::linalg::Matrix;
use crate::map::{Pca, PcaFit};
use crate::run::Run;

/// Axes found again have to put mapped points where they stand, to this share of the map's size.
const SAME: f64 = 1e-3;

/// y = (x − m)·v along each axis.
struct Projection {
    mean: Vec<f64>,
    components: Matrix,
}

impl Place for Projection {
    fn neighbours(&self) -> usize {
        1
    }

    fn place(&self, new: &Newcomer<'_>, out: &mut [f32]) {
        project_one(&self.mean, &self.components, new.vector, out);
    }
}

impl PcaFit {
    /// The components of one vector, by sums in f64 that do not depend on what else is projected.
    pub(super) fn project_one(&self, vector: &[f32], out: &mut [f32]) {
        project_one(&self.mean, &self.components, vector, out);
    }
}

fn project_one(mean: &[f64], components: &Matrix, vector: &[f32], out: &mut [f32]) {
    for (out, axis) in out.iter_mut().zip(components.iter_rows()) {
        let terms = vector.iter().zip(mean).zip(axis);
        *out = terms.map(|((&x, m), &v)| (f64::from(x) - m) * f64::from(v)).sum::<f64>() as f32;
    }
}

impl Frozen {
    /// The axes that the map keeps, or else found again.
    pub(super) fn projection(&self, pca: &Pca, run: &Run<'_>) -> Result<Box<dyn Place>> {
        let dim = self.space.field(&self.field)?.dim();
        if let Some(kept) = self.kept_axes(dim) {
            return Ok(Box::new(kept));
        }
        let data = FieldRows::some(&self.space, &self.field, self.rows.clone())?.as_measured();
        let fit = pca.fit(&data, run)?;
        let squares =
            |at: &Matrix| at.as_slice().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
        let both = fit.coords.as_slice().iter().zip(self.coords.as_slice());
        let off: f64 = both.map(|(&a, &b)| f64::from(a - b).powi(2)).sum();
        if off > SAME * SAME * squares(&self.coords) {
            return Err(Error::data(format!(
                "the axes of map '{}' cannot be found again, since items it was made of are gone",
                self.name
            ))
            .help("make the map again"));
        }
        Ok(Box::new(Projection { mean: fit.mean, components: fit.components }))
    }

    /// Mean and loadings, where they were stored.
    fn kept_axes(&self, dim: usize) -> Option<Projection> {
        let numbers = |value: &Value| -> Option<Vec<f64>> {
            value.as_array()?.iter().map(Value::as_f64).collect()
        };
        let mean = numbers(self.about.get("mean")?).filter(|mean| mean.len() == dim)?;
        let axes = self.about.get("loadings")?.as_array()?;
        let mut components = Vec::with_capacity(axes.len() * dim);
        for axis in axes {
            let axis = numbers(axis).filter(|axis| axis.len() == dim)?;
            components.extend(axis.into_iter().map(|x| x as f32));
        }
        let components = Matrix::new(self.coords.cols(), dim, components).ok()?;
        Some(Projection { mean, components })
    }
}
