//! Text.
pub(super) fn shorten(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
