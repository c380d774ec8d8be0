//! Answers as they are compared: who was born in `São Paulo` answers `sao  paulo` too.

use unicode_normalization::UnicodeNormalization;

/// A longer answer is nobody's, but a load test of the hash function.
pub(super) const MAX: usize = 200;

/// Without accents, differences of case and of spaces, and in one of the ways that Unicode has to write the same.
pub(super) fn normalised(answer: &str) -> String {
    let bare: String = answer.nfkd().filter(|c| !is_accent(*c)).collect();
    // There and back, because ß has two letters in capitals, except for its own one, and Greek has two small sigmas.
    let folded: String = bare.to_lowercase().to_uppercase().to_lowercase().nfkd().filter(|c| !is_accent(*c)).collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Of Latin, Greek and Cyrillic. Other scripts have vowels among their combining marks, which are no decoration.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_mean_to_be_the_same_is_the_same() {
        for same in [
            &["São Paulo", " sao  paulo ", "SAO\u{a0}PAULO", "sa\u{303}o paulo", "ｓａｏ ｐａｕｌｏ"][..],
            &["Straße", "STRASSE", "strasse", "STRAẞE"],
            &["Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ", "οδυσσευς"],
            &["Йошкар-Ола", "йошкар-ола"],
            &["İstanbul", "istanbul", "ıstanbul"],
            &["が", "か\u{3099}"],
        ] {
            for answer in same {
                assert_eq!(normalised(answer), normalised(same[0]), "{answer}");
            }
        }
        for (one, other) in [("Ann Lee", "AnnLee"), ("कि", "का"), ("が", "か"), ("7", "8"), ("", "x")] {
            assert_ne!(normalised(one), normalised(other));
        }
        assert_eq!(normalised(" \t\u{301} "), "");
    }

    proptest! {
        #[test]
        fn what_was_normalised_stays_as_it_is(answer in any::<String>()) {
            let once = normalised(&answer);
            prop_assert_eq!(&normalised(&once), &once);
        }
    }
}
