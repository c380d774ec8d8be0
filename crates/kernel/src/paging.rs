//! Lists are read a page at a time.

/// Which page of a list, from 1, and how many rows it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    pub number: u32,
    pub size: u32,
}

impl Page {
    pub const DEFAULT_SIZE: u32 = 50;
    pub const MAX_SIZE: u32 = 250;

    /// Brings both into their limits: a page address that somebody edited shows a page, not an error.
    pub fn new(number: u32, size: u32) -> Page {
        Page { number: number.max(1), size: size.clamp(1, Self::MAX_SIZE) }
    }

    /// For `LIMIT`.
    pub fn limit(self) -> i64 {
        i64::from(self.size.clamp(1, Self::MAX_SIZE))
    }

    /// For `OFFSET`: the rows on the pages before this one.
    pub fn offset(self) -> i64 {
        i64::from(self.number.saturating_sub(1)) * self.limit()
    }

    /// How many pages `rows` fill; an empty list still has its first page.
    pub fn count(self, rows: u64) -> u64 {
        rows.div_ceil(self.limit().unsigned_abs()).max(1)
    }
}

impl Default for Page {
    fn default() -> Page {
        Page::new(1, Self::DEFAULT_SIZE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_start_at_one_and_have_at_most_250_rows() {
        assert_eq!(Page::new(0, 0), Page { number: 1, size: 1 });
        assert_eq!(Page::new(3, 9999), Page { number: 3, size: 250 });
        assert_eq!(Page { number: 1, size: 9999 }.limit(), 250);
    }

    #[test]
    fn the_offset_skips_the_pages_before() {
        assert_eq!(Page::default().offset(), 0);
        assert_eq!(Page::new(3, 25).offset(), 50);
        assert_eq!(Page::new(u32::MAX, 250).offset(), i64::from(u32::MAX - 1) * 250);
    }

    #[test]
    fn a_started_page_counts() {
        let page = Page::new(1, 25);
        assert_eq!([0, 1, 25, 26, 50, 51].map(|rows| page.count(rows)), [1, 1, 1, 2, 2, 3]);
    }
}
