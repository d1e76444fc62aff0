//! How a scene is drawn: size, theme, how many labels, what the frame holds.

use crate::error::{Error, Result};

/// How a scene is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Width in units of 1/96 inch (CSS pixels), 160 to 8,192.
    pub width: u32,
    /// Height in the same units, 120 to 8,192.
    pub height: u32,
    /// Pixels of a PNG file per unit, 0.5 to 4: 2 is crisp on screens of high resolution and in print.
    pub scale: f32,
    /// Dark on light or light on dark.
    pub theme: Theme,
    /// How many labels to place at most; `None` takes as many as the size bears. Fewer appear where
    /// they would overlap.
    pub labels: Option<usize>,
    /// Which points the frame holds.
    pub frame: Frame,
    /// The radius of a point in units, more than 0 and at most 50; `None` takes it from the number of points.
    pub radius: Option<f32>,
    /// How opaque a point that overlaps no other is, more than 0 and at most 1; `None` takes it from the
    /// number of points.
    pub opacity: Option<f32>,
}

/// Which points the frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Frame {
    /// All, unless few points far away would leave much of it blank: where leaving out at most one in a
    /// thousand (three of 300 or more, one of 100 or more) lets the others have 1.8 times the area. Those out of
    /// the frame are arrows at its border, and a line below the map tells how many they are.
    #[default]
    Bulk,
    /// All, however far.
    All,
}

/// Dark on light or light on dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Theme {
    /// Dark ink on a white ground.
    #[default]
    Light,
    /// Light ink on a dark ground.
    Dark,
}

impl std::str::FromStr for Theme {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "light" => Ok(Theme::Light),
            "dark" => Ok(Theme::Dark),
            _ => Err(Error::usage(format!("there is no theme '{name}'"))
                .help("the themes are light and dark")),
        }
    }
}

impl Default for Style {
    fn default() -> Self {
        Style {
            width: 1200,
            height: 900,
            scale: 2.0,
            theme: Theme::Light,
            labels: None,
            frame: Frame::Bulk,
            radius: None,
            opacity: None,
        }
    }
}

impl Style {
    /// An error of kind `Usage` that names the field out of its range.
    pub fn check(&self) -> Result<()> {
        let out = |name: &str, value: String, range: &str| {
            Err(Error::usage(format!("the {name} of a plot cannot be {value}"))
                .help(format!("it ranges over {range}")))
        };
        if !(160..=8192).contains(&self.width) {
            return out("width", self.width.to_string(), "160 to 8192");
        }
        if !(120..=8192).contains(&self.height) {
            return out("height", self.height.to_string(), "120 to 8192");
        }
        if !(0.5..=4.0).contains(&self.scale) {
            return out("scale", self.scale.to_string(), "0.5 to 4");
        }
        if let Some(radius) = self.radius
            && !(radius > 0.0 && radius <= 50.0)
        {
            return out("point radius", radius.to_string(), "more than 0 to 50");
        }
        if let Some(opacity) = self.opacity
            && !(opacity > 0.0 && opacity <= 1.0)
        {
            return out("opacity", opacity.to_string(), "more than 0 to 1");
        }
        Ok(())
    }
}
