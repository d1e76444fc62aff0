//! Colours: a space to compute them in, ten for categories, scales for values, the inks of the themes.
//!
//! Everything is computed in OKLCH, the polar form of Oklab (Ottosson 2020, "A perceptual color space
//! for image processing"): lightness `l` in 0..1, chroma `c` from 0 (grey) to about 0.3, hue `h` in degrees.
//! Where a colour lies outside of sRGB, its chroma is lowered until it fits; lightness and hue stay.

use super::style::Theme;

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rgb(pub [u8; 3]);

impl std::fmt::Display for Rgb {
    /// "#1a2b3c"
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl Rgb {
    /// The intensities of light, 0..1.
    pub(super) fn linear(self) -> [f32; 3] {
        self.0.map(|byte| {
            let v = f32::from(byte) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// The nearest colour to these intensities of light.
    pub(super) fn from_linear(light: [f32; 3]) -> Self {
        Rgb(light.map(|v| (encode(v) * 255.0).round() as u8))
    }

    /// This colour, moved towards another by a share in 0..1, evenly to the eye.
    pub(super) fn mix(self, other: Rgb, share: f32) -> Self {
        let (a, b) = (to_lab(self.linear()), to_lab(other.linear()));
        let lab: [f32; 3] = std::array::from_fn(|i| a[i] + (b[i] - a[i]) * share);
        Rgb::from_linear(from_lab(lab))
    }
}

/// The transfer function of sRGB: intensity of light to signal, both 0..1; what is outside is clamped.
pub(super) fn encode(v: f32) -> f32 {
    let v = v.clamp(0.0, 1.0);
    if v <= 0.0031308 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

/// Oklab to linear sRGB, perhaps outside of 0..1.
fn from_lab([l, a, b]: [f32; 3]) -> [f32; 3] {
    let l_ = (l + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let m_ = (l - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let s_ = (l - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    [
        4.076_741_7 * l_ - 3.307_711_6 * m_ + 0.230_969_94 * s_,
        -1.268_438 * l_ + 2.609_757_4 * m_ - 0.341_319_4 * s_,
        -0.004_196_086_3 * l_ - 0.703_418_6 * m_ + 1.707_614_7 * s_,
    ]
}

/// Linear sRGB to Oklab.
pub(super) fn to_lab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).max(0.0).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).max(0.0).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).max(0.0).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

/// The colour of a lightness, chroma and hue; as much of the chroma as sRGB holds.
pub(super) fn oklch(l: f32, c: f32, h: f32) -> Rgb {
    let (sin, cos) = h.to_radians().sin_cos();
    let light = |c: f32| from_lab([l, c * cos, c * sin]);
    let fits = |light: [f32; 3]| light.iter().all(|v| (-1e-4..=1.0001).contains(v));
    let (mut low, mut high) = (0.0, c);
    if !fits(light(c)) {
        for _ in 0..16 {
            let middle = f32::midpoint(low, high);
            if fits(light(middle)) { low = middle } else { high = middle }
        }
        high = low;
    }
    Rgb::from_linear(light(high))
}

/// How many categories get a colour of their own.
pub(super) const CATEGORIES: usize = 10;

/// The categorical colours for a light ground, as OKLCH. Found by simulated annealing: the least distance
/// in Oklab between the first k colours, as seen with all cones and without the first, second or third
/// kind (Machado, Oliveira & Fernandes 2009), summed over k = 2..=10 and both themes, less a penalty for
/// straying from ten familiar hues (blue, yellow, green, orange, sky, red, …).
const CATEGORICAL: [(f32, f32, f32); CATEGORIES] = [
    (0.460, 0.165, 274.0),
    (0.790, 0.162, 94.0),
    (0.607, 0.103, 201.0),
    (0.606, 0.165, 47.0),
    (0.790, 0.101, 263.0),
    (0.460, 0.165, 354.0),
    (0.692, 0.086, 127.0),
    (0.682, 0.161, 312.0),
    (0.460, 0.092, 76.0),
    (0.533, 0.070, 152.0),
];

/// What is painted with what.
#[derive(Debug, Clone)]
pub(super) struct Palette {
    /// Behind everything.
    pub(super) ground: Rgb,
    /// Title and labels.
    pub(super) ink: Rgb,
    /// Caption, counts, ticks.
    pub(super) muted: Rgb,
    /// Frame and leader lines.
    pub(super) line: Rgb,
    /// Points of no category, no value, or a category beyond the tenth.
    pub(super) grey: Rgb,
    /// Points of other panels.
    pub(super) behind: Rgb,
    theme: Theme,
}

impl Palette {
    pub(super) fn of(theme: Theme) -> Self {
        match theme {
            Theme::Light => Palette {
                ground: Rgb([255, 255, 255]),
                ink: oklch(0.24, 0.02, 260.0),
                muted: oklch(0.52, 0.02, 260.0),
                line: oklch(0.88, 0.008, 260.0),
                grey: oklch(0.76, 0.005, 260.0),
                behind: oklch(0.87, 0.006, 260.0),
                theme,
            },
            Theme::Dark => Palette {
                ground: oklch(0.19, 0.015, 260.0),
                ink: oklch(0.95, 0.01, 260.0),
                muted: oklch(0.70, 0.02, 260.0),
                line: oklch(0.33, 0.015, 260.0),
                grey: oklch(0.48, 0.01, 260.0),
                behind: oklch(0.35, 0.012, 260.0),
                theme,
            },
        }
    }

    /// The colour of the category with this rank by frequency; grey from the eleventh on.
    pub(super) fn category(&self, rank: usize) -> Rgb {
        // A dark ground wants lighter colours; one shift for all keeps the distances between them.
        let lift = if self.theme == Theme::Dark { 0.10 } else { 0.0 };
        CATEGORICAL.get(rank).map_or(self.grey, |&(l, c, h)| oklch((l + lift).min(0.95), c, h))
    }

    /// The colour at `t` in 0..1 of the scale for values: low is near the ground, high far from it,
    /// with lightness rising or falling in equal steps.
    pub(super) fn sequential(&self, t: f32) -> Rgb {
        let t = t.clamp(0.0, 1.0);
        // From yellow through red to violet, where sRGB holds enough chroma at every lightness on the way.
        let (dark, light) = match self.theme {
            Theme::Light => (0.30, 0.85),
            Theme::Dark => (0.38, 0.93),
        };
        let from_light = if self.theme == Theme::Light { t } else { 1.0 - t };
        let l = light + (dark - light) * from_light;
        let hue = 95.0 - 180.0 * from_light;
        let chroma = 0.13 + 0.045 * (std::f32::consts::PI * from_light).sin();
        oklch(l, chroma, hue.rem_euclid(360.0))
    }

    /// The colour at `t` in 0..1 of the scale for signed values: blue below, orange above, near the ground in
    /// the middle (and so not the grey of what has no value), ever farther from it on both sides alike. Blue and orange stay apart to every eye.
    pub(super) fn diverging(&self, t: f32) -> Rgb {
        let t = 2.0 * t.clamp(0.0, 1.0) - 1.0;
        let far = t.abs();
        let l = match self.theme {
            Theme::Light => 0.87 - 0.46 * far,
            Theme::Dark => 0.36 + 0.48 * far,
        };
        let hue = if t < 0.0 { 262.0 } else { 52.0 };
        oklch(l, 0.004 + 0.15 * far.powf(0.8), hue)
    }

    /// The colour of plain points where they lie `t` (0..1) densely.
    pub(super) fn density(&self, t: f32) -> Rgb {
        let t = t.clamp(0.0, 1.0);
        match self.theme {
            Theme::Light => oklch(0.66 - 0.34 * t, 0.125 + 0.03 * t, 245.0 + 25.0 * t),
            Theme::Dark => oklch(0.56 + 0.36 * t, 0.125 - 0.06 * t, 250.0 - 45.0 * t),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    }

    /// How a colour looks without the cones for long, middle or short waves: matrices of severity 1 from
    /// Machado, Oliveira & Fernandes 2009, on linear light; then Oklab.
    fn seen(color: Rgb) -> [[f32; 3]; 4] {
        const EYES: [[[f32; 3]; 3]; 4] = [
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ];
        let light = color.linear();
        EYES.map(|eye| to_lab(eye.map(|row| row.iter().zip(light).map(|(a, b)| a * b).sum())))
    }

    /// For comparison: with the ten colours that many plotting tools start with, two are 0.01 apart.
    #[test]
    fn categories_differ_to_every_eye() {
        for theme in [Theme::Light, Theme::Dark] {
            let palette = Palette::of(theme);
            let colors: Vec<_> = (0..CATEGORIES).map(|rank| seen(palette.category(rank))).collect();
            for (k, least) in [(5, 0.12), (10, 0.06)] {
                for (i, a) in colors[..k].iter().enumerate() {
                    for (j, b) in colors[..i].iter().enumerate() {
                        for (eye, (a, b)) in a.iter().zip(b).enumerate() {
                            let apart = distance(*a, *b);
                            assert!(
                                apart > least,
                                "{theme:?}: {i} and {j} are {apart} apart to eye {eye}"
                            );
                        }
                    }
                }
            }
        }
    }

    /// Contrast as WCAG 2 defines it: 4.5 is enough for text, 3 for signs.
    #[test]
    fn inks_stand_out_from_the_ground() {
        let luminance = |color: Rgb| {
            let [r, g, b] = color.linear();
            0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
        };
        for theme in [Theme::Light, Theme::Dark] {
            let palette = Palette::of(theme);
            let contrast = |ink: Rgb| {
                let (a, b) = (luminance(ink), luminance(palette.ground));
                a.max(b) / a.min(b)
            };
            assert!(contrast(palette.ink) > 12.0 && contrast(palette.muted) > 4.5);
            for rank in 0..CATEGORIES {
                let color = palette.category(rank);
                assert!(contrast(palette.ink.mix(color, 0.35)) > 4.5, "labels of category {rank}");
                assert!(
                    contrast(color) > 1.8,
                    "points of category {rank} in {theme:?}: {}",
                    contrast(color)
                );
            }
        }
    }

    /// Equal steps of a value are nearly equal steps of lightness, to the darker on light, to the lighter on dark.
    #[test]
    fn scales_are_even() {
        for (theme, rises) in [(Theme::Light, false), (Theme::Dark, true)] {
            let palette = Palette::of(theme);
            let lightness: Vec<f32> =
                (0..=20).map(|i| to_lab(palette.sequential(i as f32 / 20.0).linear())[0]).collect();
            let mean = (lightness[20] - lightness[0]) / 20.0;
            assert!((mean > 0.0) == rises);
            for pair in lightness.windows(2) {
                assert!(
                    (pair[1] - pair[0]) / mean > 0.7 && (pair[1] - pair[0]) / mean < 1.3,
                    "{lightness:?}"
                );
            }
        }
    }

    /// What matters of a scale is that its numbers can be told apart, by every eye: a tenth of the scale
    /// is seen, and the two sides of a diverging scale are never taken for each other.
    #[test]
    fn scales_can_be_read_by_every_eye() {
        for theme in [Theme::Light, Theme::Dark] {
            let palette = Palette::of(theme);
            let scales: [&dyn Fn(f32) -> Rgb; 2] =
                [&|t| palette.sequential(t), &|t| palette.diverging(t)];
            for scale in scales {
                let colors: Vec<_> = (0..=10).map(|i| seen(scale(i as f32 / 10.0))).collect();
                for (at, pair) in colors.windows(2).enumerate() {
                    for (eye, (a, b)) in pair[0].iter().zip(pair[1]).enumerate() {
                        let apart = distance(*a, b);
                        assert!(
                            apart > 0.03,
                            "{theme:?}: {at} is {apart} from the next to eye {eye}"
                        );
                    }
                }
            }
            for i in 2..=10 {
                let far = i as f32 / 20.0;
                let sides = [0.5 - far, 0.5 + far].map(|t| seen(palette.diverging(t)));
                for (eye, (a, b)) in sides[0].iter().zip(sides[1]).enumerate() {
                    let apart = distance(*a, b);
                    assert!(apart > 0.07, "{theme:?}: ±{far} are {apart} apart to eye {eye}");
                    assert!(
                        (a[0] - b[0]).abs() < 0.12,
                        "{theme:?}: ±{far} weigh {} and {}",
                        a[0],
                        b[0]
                    );
                }
            }
        }
    }

    #[test]
    fn colors_survive_the_round_trip() {
        for color in [[0, 0, 0], [255, 255, 255], [12, 200, 99], [255, 0, 255]] {
            let color = Rgb(color);
            assert_eq!(Rgb::from_linear(color.linear()), color);
            assert_eq!(Rgb::from_linear(from_lab(to_lab(color.linear()))), color);
            assert_eq!(color.mix(Rgb([9, 9, 9]), 0.0), color);
        }
    }
}
