//! Lengths of time for people: one number, one unit.

use jiff::{SignedDuration, Timestamp};

/// A length of time as people say it: `45s`, `12m`, `3h`, `2d`. Rounded down, without its sign.
pub fn rough(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().unsigned_abs();
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How far apart two moments are, as people say it.
pub(super) fn between(one: Timestamp, other: Timestamp) -> String {
    rough(one.duration_until(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_one_unit() {
        for (seconds, text) in [
            (0, "0s"),
            (1, "1s"),
            (119, "119s"),
            (120, "2m"),
            (-7_199, "119m"),
            (7_200, "2h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (86_400 * 400, "400d"),
            (i64::MIN, "106751991167300d"),
        ] {
            assert_eq!(rough(SignedDuration::from_secs(seconds)), text);
        }
    }
}
