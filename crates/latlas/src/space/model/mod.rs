//! The model of a space: what its encoder needs beside the items, as a family, a version, a configuration and named
//! tensors. On disk `model/config-NNNN.json` and `model/model-NNNN.safetensors`, mapped and used in place.

mod tensors;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::IdTable;
use super::manifest::FileAbout;
use crate::error::{Error, Result};
use crate::file::{Bytes, NewFile};
use crate::linalg::Matrix;

use tensors::{Data, Stored};
pub use tensors::{NumberType, Numbers, TensorAbout, Values};

/// What every `config-NNNN.json` calls itself.
const FORMAT: &str = "latlas.model";
/// The longest configuration that is read: it is parsed whole when a space is opened.
pub(super) const MOST_CONFIG: u64 = 16 << 20;

/// Which program understands a model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelAbout {
    /// Its kind: "fasttext", "doc2vec", … A [`super::Registry`] finds the encoder by it.
    pub family: String,
    /// The version of the family's layout, from 1: what an older reader would misread gets a new one.
    pub version: u32,
}

/// A model: never changes, cheap to clone. Tensors of an opened space are mapped, not read.
#[derive(Debug, Clone)]
pub struct Model(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    head: Head,
    tensors: Vec<Stored>,
    /// The file behind the tensors and what its bytes should be; `None` in memory.
    file: Option<(Bytes, FileAbout)>,
}

/// What a configuration says of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    #[serde(flatten)]
    about: ModelAbout,
    config: Map<String, Value>,
    /// The models that this one is made of; their tensors are called `PART.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parts: BTreeMap<String, Head>,
}

/// The whole of `config-NNNN.json`.
#[derive(Serialize, Deserialize)]
struct Config {
    format: String,
    #[serde(flatten)]
    head: Head,
}

/// A tensor of a model: its shape, and its numbers in row-major order.
#[derive(Debug, Clone, Copy)]
pub struct Tensor<'a> {
    name: &'a str,
    shape: &'a [usize],
    values: Values<'a>,
}

/// Collects the parts of a new model; `build` checks them.
#[derive(Debug)]
pub struct ModelBuilder {
    about: ModelAbout,
    config: Value,
    parts: BTreeMap<String, Head>,
    tensors: Vec<Stored>,
}

impl Model {
    /// Starts a model in memory. `config` is a JSON object: options, sizes, whatever is not an array of numbers.
    pub fn builder(family: &str, version: u32, config: Value) -> ModelBuilder {
        let about = ModelAbout { family: family.to_owned(), version };
        ModelBuilder { about, config, parts: BTreeMap::new(), tensors: Vec::new() }
    }

    /// Family and version.
    pub fn about(&self) -> &ModelAbout {
        &self.0.head.about
    }

    /// The configuration that was given to the builder.
    pub fn config(&self) -> &Map<String, Value> {
        &self.0.head.config
    }

    /// The configuration as a type of the family's own; an error names the family and the member that does not fit.
    pub fn config_as<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(Value::Object(self.config().clone())).map_err(|e| {
            Error::data(format!("model '{}': its configuration: {e}", self.about().family))
        })
    }

    /// The names, types and shapes of the tensors, in the order of the file.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &TensorAbout> {
        self.0.tensors.iter().map(|stored| &stored.about)
    }

    /// A tensor by name; a `Data` error names it if it is missing.
    pub fn tensor(&self, name: &str) -> Result<Tensor<'_>> {
        let stored = self.stored(name)?;
        let values = stored.data.values(stored.about.dtype);
        Ok(Tensor { name: &stored.about.name, shape: &stored.about.shape, values })
    }

    /// The list of words (or of other names) in a tensor of bytes, made by [`ModelBuilder::names`]: found in
    /// constant time, used in place.
    pub fn names(&self, name: &str) -> Result<IdTable> {
        let stored = self.stored(name)?;
        let table = match &stored.data {
            Data::File(bytes, range) if stored.about.dtype == NumberType::U8 => {
                IdTable::within(bytes.clone(), range.clone())
            }
            Data::Bytes(bytes) => IdTable::from_bytes(bytes.clone()),
            _ => Err(Error::data("it does not hold bytes")),
        };
        table.map_err(|e| e.context(format!("tensor '{name}'")))
    }

    /// A model that this one is made of, added by [`ModelBuilder::part`].
    pub fn part(&self, name: &str) -> Option<Model> {
        let head = self.0.head.parts.get(name)?.clone();
        let own = |stored: &Stored| {
            let name = stored.about.name.strip_prefix(name)?.strip_prefix('.')?.to_owned();
            Some(Stored { about: TensorAbout { name, ..stored.about.clone() }, ..stored.clone() })
        };
        let tensors = self.0.tensors.iter().filter_map(own).collect();
        Some(Model(Arc::new(Inner { head, tensors, file: None })))
    }

    /// The same model with a matrix of f32 in the place of the tensor of this name, or added to the others.
    pub fn with_matrix(&self, name: &str, matrix: Matrix) -> Result<Model> {
        let mut builder = ModelBuilder {
            about: self.about().clone(),
            config: Value::Object(self.config().clone()),
            parts: self.0.head.parts.clone(),
            tensors: self.0.tensors.clone(),
        };
        builder.tensors.retain(|stored| stored.about.name != name);
        builder.matrix(name, matrix).build()
    }

    /// Whether the bytes of the tensors are those that were written; reads all of them. True in memory.
    pub fn is_whole(&self) -> bool {
        self.0.file.as_ref().is_none_or(|(bytes, about)| about.matches(bytes))
    }

    fn stored(&self, name: &str) -> Result<&Stored> {
        self.0.tensors.iter().find(|t| t.about.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.tensors().map(|t| t.name.as_str()).take(12).collect();
            Error::data(format!("model '{}' has no tensor '{name}'", self.about().family))
                .help(format!("it has {}", names.join(", ")))
        })
    }

    /// The model that these bytes hold, those of a configuration and those of a safetensors file.
    #[doc(hidden)] // public for fuzzing
    pub fn from_bytes(config: &[u8], tensors: &Bytes) -> Result<Self> {
        let head = parse_config(config)?;
        let tensors = tensors::parse(tensors)?;
        Ok(Model(Arc::new(Inner { head, tensors, file: None })))
    }

    /// As `from_bytes`, remembering what the bytes of the tensors should be.
    pub(super) fn stored_in(config: &[u8], bytes: Bytes, file: &FileAbout) -> Result<Self> {
        let head = parse_config(config)?;
        let tensors = tensors::parse(&bytes)?;
        Ok(Model(Arc::new(Inner { head, tensors, file: Some((bytes, file.clone())) })))
    }

    /// The bytes of `config-NNNN.json`.
    pub(super) fn config_bytes(&self) -> Result<Vec<u8>> {
        let config = Config { format: FORMAT.into(), head: self.0.head.clone() };
        let mut text = serde_json::to_vec_pretty(&config)
            .map_err(|e| Error::data(format!("model configuration: {e}")))?;
        text.push(b'\n');
        Ok(text)
    }

    /// Writes `model-NNNN.safetensors`; the same model gives the same bytes.
    pub(super) fn write_tensors(&self, out: &mut NewFile) -> Result<()> {
        if !self.is_whole() {
            return Err(Error::data(
                "its model is damaged: the checksum of its tensors is another",
            ));
        }
        tensors::write(out, &self.0.tensors)
    }

    /// The first number of a float tensor that is none, as a sentence; reads everything.
    pub(super) fn misfit(&self) -> Option<String> {
        self.0.tensors.iter().find_map(Stored::misfit)
    }
}

/// What the bytes of a configuration say; an error says what is wrong with them.
pub(super) fn check_config(bytes: &[u8]) -> Result<()> {
    parse_config(bytes).map(drop)
}

fn parse_config(bytes: &[u8]) -> Result<Head> {
    if bytes.len() as u64 > MOST_CONFIG {
        return Err(Error::data(format!(
            "a configuration of {} bytes, where {MOST_CONFIG} are the most",
            bytes.len()
        )));
    }
    let config: Config = serde_json::from_slice(bytes)
        .map_err(|e| Error::data(format!("it is no configuration of a model: {e}")))?;
    if config.format != FORMAT {
        let found: String = config.format.chars().take(40).collect();
        return Err(Error::data(format!("it has format '{found}', not '{FORMAT}'")));
    }
    config.head.check()?;
    Ok(config.head)
}

impl Head {
    fn check(&self) -> Result<()> {
        family(&self.about)?;
        for (name, part) in &self.parts {
            super::manifest::name(name, "part of a model")?;
            part.check()?;
        }
        Ok(())
    }
}

/// Whether a family may be called this.
fn family(about: &ModelAbout) -> Result<()> {
    super::manifest::name(&about.family, "family of models")?;
    if about.version == 0 {
        return Err(Error::data(format!("model '{}' has version 0", about.family)));
    }
    Ok(())
}

impl ModelBuilder {
    /// Adds a tensor; `numbers` are in row-major order.
    #[must_use]
    pub fn tensor(mut self, name: &str, shape: &[usize], numbers: impl Into<Numbers>) -> Self {
        self.tensors.push(Stored::new(name, shape, numbers.into()));
        self
    }

    /// Adds a matrix of f32.
    #[must_use]
    pub fn matrix(self, name: &str, matrix: Matrix) -> Self {
        let shape = [matrix.rows(), matrix.cols()];
        self.tensor(name, &shape, matrix.into_vec())
    }

    /// Adds a list of unique names (words, mostly) as a tensor of bytes: the table of `ids-NNNN.idx`, in which a
    /// name is found in constant time. See [`Model::names`].
    pub fn names<'a>(
        self,
        name: &str,
        names: impl ExactSizeIterator<Item = &'a str> + Clone,
    ) -> Result<Self> {
        let bytes = IdTable::encode(names)?;
        Ok(self.tensor(name, &[bytes.len()], bytes))
    }

    /// Adds another model as a part, its tensors under `NAME.`; their numbers are shared, not copied.
    #[must_use]
    pub fn part(mut self, name: &str, part: &Model) -> Self {
        self.tensors.extend(part.0.tensors.iter().map(|stored| {
            let name = format!("{name}.{}", stored.about.name);
            Stored { about: TensorAbout { name, ..stored.about.clone() }, ..stored.clone() }
        }));
        self.parts.insert(name.to_owned(), part.0.head.clone());
        self
    }

    /// The model; an error names a tensor that stands twice, does not fill its shape, or holds NaN or an infinity.
    pub fn build(self) -> Result<Model> {
        let Value::Object(config) = self.config else {
            return Err(Error::usage("the configuration of a model is a JSON object"));
        };
        let head = Head { about: self.about, config, parts: self.parts };
        head.check()?;
        let mut tensors = self.tensors;
        for (i, tensor) in tensors.iter().enumerate() {
            tensor.check()?;
            if let Some(what) = tensor.misfit() {
                return Err(Error::data(what).help("a model stores finite numbers only"));
            }
            if tensors[..i].iter().any(|other| other.about.name == tensor.about.name) {
                return Err(Error::usage(format!("tensor '{}' stands twice", tensor.about.name)));
            }
        }
        tensors::order(&mut tensors);
        Ok(Model(Arc::new(Inner { head, tensors, file: None })))
    }
}

impl<'a> Tensor<'a> {
    /// The lengths of its axes.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// Its numbers.
    pub fn values(&self) -> Values<'a> {
        self.values
    }

    /// Its numbers as f32; a `Data` error if they are of another type.
    pub fn f32(&self) -> Result<&'a [f32]> {
        match self.values {
            Values::F32(numbers) => Ok(numbers),
            _ => Err(self.wrong("f32")),
        }
    }

    /// Its numbers as u64; a `Data` error if they are of another type.
    pub fn u64(&self) -> Result<&'a [u64]> {
        match self.values {
            Values::U64(numbers) => Ok(numbers),
            _ => Err(self.wrong("u64")),
        }
    }

    /// Its numbers as f32, if it has exactly this shape.
    pub fn f32_of(&self, shape: &[usize]) -> Result<&'a [f32]> {
        if self.shape == shape { self.f32() } else { Err(self.misshapen(shape)) }
    }

    /// Its numbers as u64, if it has exactly this shape.
    pub fn u64_of(&self, shape: &[usize]) -> Result<&'a [u64]> {
        if self.shape == shape { self.u64() } else { Err(self.misshapen(shape)) }
    }

    fn wrong(&self, due: &str) -> Error {
        let found = self.values.dtype().name();
        Error::data(format!("tensor '{}' holds {found}, where {due} is due", self.name))
    }

    fn misshapen(&self, due: &[usize]) -> Error {
        Error::data(format!(
            "tensor '{}' has shape {:?}, where {due:?} is due",
            self.name, self.shape
        ))
    }
}
