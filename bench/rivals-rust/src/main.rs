//! One Rust rival lays out one matrix: called by `bench/compare/maps.py` with the arguments of `map_rivals.py`.
//!
//! Reads an `.npy` of f32, writes the layout as an `.npy` of f64 and what its fit took as JSON. Every rival runs with
//! its own defaults but for what the comparison fixes for all: perplexity, iterations, neighbours, UMAP's `min_dist` and epochs.

mod npy;

use std::error::Error;
use std::time::Instant;

use faer::MatRef;
use manifolds_rs::prelude::*;
use manifolds_rs::{PacmapParams, TsneParams, UmapParams};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What maps.py asks for.
struct Task {
    seed: usize,
    threads: usize,
    perplexity: f32,
    iterations: usize,
    neighbours: usize,
}

impl Task {
    fn early(&self) -> usize {
        self.iterations.min(250)
    }

    /// As umap-learn's default: more for few points.
    fn epochs(points: usize) -> usize {
        if points <= 10_000 { 500 } else { 200 }
    }
}

fn main() -> Outcome<()> {
    let mut words = std::env::args().skip(1);
    let mut next = || words.next().ok_or("TOOL VECTORS LAYOUT REPORT [--OPTION VALUE]…");
    let (tool, vectors, layout, report) = (next()?, next()?, next()?, next()?);
    let mut task = Task { seed: 1, threads: 2, perplexity: 30.0, iterations: 750, neighbours: 15 };
    while let Ok(option) = next() {
        let value = next()?;
        match option.as_str() {
            "--seed" => task.seed = value.parse()?,
            "--threads" => task.threads = value.parse()?,
            "--perplexity" => task.perplexity = value.parse()?,
            "--iterations" => task.iterations = value.parse()?,
            "--neighbours" => task.neighbours = value.parse()?,
            _ => return Err(format!("there is no option {option}").into()),
        }
    }
    rayon::ThreadPoolBuilder::new().num_threads(task.threads).build_global()?;
    let (data, rows, dim) = npy::read(&vectors)?;

    let (begun, before) = (Instant::now(), cpu_seconds()?);
    let places = match tool.as_str() {
        "bhtsne" => bhtsne(&data, dim, &task, false),
        "bhtsne-fft" => bhtsne(&data, dim, &task, true),
        "manifolds-tsne" => columns(manifolds_tsne(&data, rows, dim, &task)?),
        "manifolds-umap" => columns(manifolds_umap(&data, rows, dim, &task)?),
        "manifolds-pacmap" => columns(manifolds_pacmap(&data, rows, dim, &task)?),
        "umap-rs" => umap_rs(&data, rows, dim, &task)?,
        _ => return Err(format!("there is no tool {tool}").into()),
    };
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds()? - before);
    npy::write(&layout, &places)?;
    std::fs::write(report, format!("{{\"fit_wall\": {wall}, \"fit_cpu\": {cpu}}}"))?;
    Ok(())
}

/// t-SNE by a Barnes–Hut tree at θ = 0.5, or by FFT. It starts at random, from a seed that cannot be given, and finds
/// its neighbours exactly, in a vantage-point tree. Its exaggerated iterations are 250 by default too.
fn bhtsne(data: &[f32], dim: usize, task: &Task, fft: bool) -> Vec<[f64; 2]> {
    let points: Vec<&[f32]> = data.chunks_exact(dim).collect();
    let apart = |a: &&[f32], b: &&[f32]| {
        a.iter().zip(*b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
    };
    let mut fit = bhtsne::tSNE::<f32, &[f32], 2>::new(&points);
    fit.perplexity(task.perplexity).epochs(task.iterations).stop_lying_epoch(task.early());
    if fft {
        fit.fit_sne(apart)
    } else {
        fit.barnes_hut(0.5, apart)
    };
    fit.embedding().chunks_exact(2).map(|at| [f64::from(at[0]), f64::from(at[1])]).collect()
}

fn manifolds_tsne(data: &[f32], rows: usize, dim: usize, task: &Task) -> Outcome<Vec<Vec<f32>>> {
    let mut parameters = TsneParams::<f32>::new_default_2d(Some(task.perplexity));
    parameters.optim_params.n_epochs = task.iterations;
    parameters.optim_params.early_exag_iter = task.early();
    Ok(manifolds_rs::tsne((data, rows, dim), None, &parameters, "fft", task.seed, 0)?)
}

fn manifolds_umap(data: &[f32], rows: usize, dim: usize, task: &Task) -> Outcome<Vec<Vec<f32>>> {
    // Its own default of min_dist is 0.5.
    let mut parameters = UmapParams::<f32>::new_default_2d(Some(0.1), Some(1.0));
    parameters.k = task.neighbours;
    parameters.optim_params.n_epochs = Task::epochs(rows);
    Ok(manifolds_rs::umap((data, rows, dim), None, &parameters, task.seed, 0)?)
}

fn manifolds_pacmap(data: &[f32], rows: usize, dim: usize, task: &Task) -> Outcome<Vec<Vec<f32>>> {
    // The reference's; its own 0.01 leaves points where they begin.
    let mut parameters = PacmapParams::<f32>::default();
    parameters.optim_params.lr = 1.0;
    Ok(manifolds_rs::pacmap((data, rows, dim), None, &parameters, task.seed, 0)?)
}

/// umap-rs takes its graph and its start ready: both are manifolds-rs's here, the graph with each point as its own first neighbour,
/// as the reference's has it and as its search for bandwidths expects, the start the first two principal components.
///
/// 0.4.5 is broken in two ways. Its gradients divide by 1 + a·d^(2b + 2), where the reference has 1 + a·d^(2b), so that what is not
/// close already is hardly drawn together. And within one call of `step_epochs`, so in all of `fit`, the two ends of an edge are moved in two
/// copies of the map, which drift apart. The second is avoided here by going epoch by epoch; the first cannot be.
fn umap_rs(data: &[f32], rows: usize, dim: usize, task: &Task) -> Outcome<Vec<[f64; 2]>> {
    let matrix = MatRef::from_row_major_slice(data, rows, dim);
    let others = task.neighbours - 1;
    let (near, apart) = run_ann_search(
        matrix,
        others,
        "nndescent".into(),
        &NearestNeighbourParams::default(),
        task.seed,
        0,
    )?;
    let mut indices = ndarray::Array2::<u32>::zeros((rows, task.neighbours));
    let mut distances = ndarray::Array2::<f32>::zeros((rows, task.neighbours));
    for row in 0..rows {
        indices[[row, 0]] = row as u32;
        for j in 0..others {
            indices[[row, j + 1]] = near[row][j] as u32;
            distances[[row, j + 1]] = apart[row][j];
        }
    }
    let method =
        parse_initilisation("pca", true, Some(10.0f32)).ok_or("manifolds-rs knows no pca")?;
    // Principal components do not look at it.
    let graph = CoordinateList {
        row_indices: vec![],
        col_indices: vec![],
        values: vec![],
        n_samples: rows,
    };
    let start = initialise_embedding(&method, 2, task.seed as u64, &graph, matrix)?;
    let start = ndarray::Array2::from_shape_fn((rows, 2), |(row, axis)| start[row][axis]);
    let mut config = umap_rs::UmapConfig::default();
    config.graph.n_neighbors = task.neighbours;
    let vectors = ndarray::ArrayView2::from_shape((rows, dim), data)?;
    let manifold = umap_rs::Umap::new(config.clone()).learn_manifold(
        vectors,
        indices.view(),
        distances.view(),
    );
    let (epochs, metric) = (Task::epochs(rows), umap_rs::EuclideanMetric);
    let mut moving = umap_rs::Optimizer::new(
        manifold,
        start,
        epochs,
        &config,
        umap_rs::Metric::metric_type(&metric),
    );
    for _ in 0..epochs {
        moving.step_epochs(1, &metric);
    }
    let places = moving
        .embedding()
        .rows()
        .into_iter()
        .map(|at| [f64::from(at[0]), f64::from(at[1])])
        .collect();
    Ok(places)
}

/// One row a point, from one list a coordinate.
fn columns(places: Vec<Vec<f32>>) -> Vec<[f64; 2]> {
    places[0].iter().zip(&places[1]).map(|(&x, &y)| [f64::from(x), f64::from(y)]).collect()
}

/// CPU seconds of this process, all threads, as Linux counts them: hundredths of a second.
fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}
