//! What was the time in Stockholm, Oslo and Copenhagen before 1970. The zone database that is built in merges zones that
//! agree since 1970, so that there Stockholm had Berlin's war-time summers; the database itself keeps the old rules apart
//! (its file `backzone`), and so do PostgreSQL's packages. These three are here because people here were born under them.

use chrono_tz::Tz;

/// From this second (since 1970, UTC) on: seconds east of UTC, abbreviation.
type Era = (i64, i64, &'static str);

const STOCKHOLM: &[Era] = &[
    (i64::MIN, 4332, "LMT"),
    (-2_871_681_132, 3614, "SET"),
    (-2_208_992_414, 3600, "CET"),
    (-1_692_496_800, 7200, "CEST"),
    (-1_680_483_600, 3600, "CET"),
];

const OSLO: &[Era] = &[
    (i64::MIN, 2580, "LMT"),
    (-2_366_757_780, 3600, "CET"),
    (-1_691_884_800, 7200, "CEST"),
    (-1_680_573_600, 3600, "CET"),
    (-927_511_200, 7200, "CEST"),
    (-857_257_200, 3600, "CET"),
    (-844_556_400, 7200, "CEST"),
    (-828_226_800, 3600, "CET"),
    (-812_502_000, 7200, "CEST"),
    (-796_777_200, 3600, "CET"),
    (-781_052_400, 7200, "CEST"),
    (-765_327_600, 3600, "CET"),
    (-340_844_400, 7200, "CEST"),
    (-324_514_800, 3600, "CET"),
    (-308_790_000, 7200, "CEST"),
    (-293_065_200, 3600, "CET"),
    (-277_340_400, 7200, "CEST"),
    (-261_615_600, 3600, "CET"),
    (-245_890_800, 7200, "CEST"),
    (-230_166_000, 3600, "CET"),
    (-214_441_200, 7200, "CEST"),
    (-198_716_400, 3600, "CET"),
    (-182_991_600, 7200, "CEST"),
    (-166_662_000, 3600, "CET"),
    (-147_913_200, 7200, "CEST"),
    (-135_212_400, 3600, "CET"),
];

const COPENHAGEN: &[Era] = &[
    (i64::MIN, 3020, "LMT"),
    (-2_524_524_620, 3020, "CMT"),
    (-2_398_294_220, 3600, "CET"),
    (-1_692_496_800, 7200, "CEST"),
    (-1_680_490_800, 3600, "CET"),
    (-935_110_800, 7200, "CEST"),
    (-857_257_200, 3600, "CET"),
    (-844_556_400, 7200, "CEST"),
    (-828_226_800, 3600, "CET"),
    (-812_502_000, 7200, "CEST"),
    (-796_777_200, 3600, "CET"),
    (-781_052_400, 7200, "CEST"),
    (-769_388_400, 3600, "CET"),
    (-747_010_800, 7200, "CEST"),
    (-736_383_600, 3600, "CET"),
    (-715_215_600, 7200, "CEST"),
    (-706_748_400, 3600, "CET"),
    (-683_161_200, 7200, "CEST"),
    (-675_298_800, 3600, "CET"),
];

fn eras(zone: Tz) -> Option<&'static [Era]> {
    match zone {
        Tz::Europe__Stockholm => Some(STOCKHOLM),
        Tz::Europe__Oslo => Some(OSLO),
        Tz::Europe__Copenhagen => Some(COPENHAGEN),
        _ => None,
    }
}

/// Offset and abbreviation at a moment (seconds since 1970, UTC) before 1970, where the zone is one of these.
pub(super) fn at(zone: Tz, moment: i64) -> Option<(i64, &'static str)> {
    if moment >= 0 {
        return None;
    }
    let eras = eras(zone)?;
    eras.iter().rev().find(|(from, ..)| *from <= moment).map(|(_, offset, name)| (*offset, *name))
}

/// The offset of a local time before 1970: in a gap the one before it, in an overlap the one after it.
pub(super) fn of_local(zone: Tz, local: i64) -> Option<i64> {
    if local >= 0 {
        return None;
    }
    let eras = eras(zone)?;
    eras.iter()
        .rev()
        .find(|(from, offset, _)| from.saturating_add(*offset) <= local)
        .map(|(_, offset, _)| *offset)
}
