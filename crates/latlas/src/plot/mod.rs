//! Layer 9: pictures of maps: PNG, SVG, and braille for a terminal.
