//! Pages of a sorted list: the order in SQL, and where the next page begins.
//!
//! A place is the sort key of the last row that was given, and how many rows with that key were:
//! rows that arrive later do not move it.

use serde::{Deserialize, Serialize};

use super::cells::Row;
use super::request::{Range, cursor, place};
use crate::error::{Code, Error};
use crate::filter::quoted;

/// One column of an order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// SQL of an integer or, when `time`, of a time; never NULL.
    pub(crate) sql: &'static str,
    /// Whether it is a time.
    pub(crate) time: bool,
    /// Whether the greatest comes first.
    pub(crate) descending: bool,
}

/// An order: keys, then ids ascending.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) keys: &'static [Key],
    pub(crate) ids: &'static [&'static str],
}

/// What a cursor stands for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    from: i64,
    to: i64,
    /// Of everything else that must stay the same from page to page.
    question: u64,
    /// Rows of all pages.
    pub(crate) total: u64,
    keys: Vec<i64>,
    ids: Vec<String>,
    /// Rows already given whose keys and ids are these.
    given: u64,
}

/// A number that stands for what is asked, to tell cursors of other questions apart.
pub(crate) fn question(parts: &[&str]) -> u64 {
    // FNV-1a: the same in every build.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0xff])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

/// The page that is asked for: its range, and the place where it begins unless it is the first.
///
/// Errors: a time or the cursor is not understood, or the cursor is from another question.
pub(crate) fn page(
    from: Option<&str>,
    to: Option<&str>,
    text: Option<&str>,
    question: u64,
) -> Result<(Range, Option<Place>), Error> {
    let Some(text) = text else {
        return Ok((Range::parse(from, to)?, None));
    };
    let place: Place = place(text)?;
    if place.question != question {
        let message = "the cursor belongs to another filter or order";
        return Err(Error::new(Code::BadRequest, message)
            .hint("leave the cursor out when the question changes"));
    }
    let range = Range {
        from: place.from,
        to: place.to,
    };
    Ok((range, Some(place)))
}

impl Order {
    /// SQL of the columns that [`Order::next`] reads: keys, then ids.
    pub(crate) fn columns(&self) -> String {
        let keys = self.keys.iter().map(|key| match key.time {
            true => format!("CAST({} AS BIGINT)", key.sql),
            false => key.sql.to_owned(),
        });
        let keys = keys
            .enumerate()
            .map(|(at, sql)| format!("{sql} AS key{at}"));
        let ids = self.ids.iter().enumerate();
        let ids = ids.map(|(at, sql)| format!("{sql} AS id{at}"));
        keys.chain(ids).collect::<Vec<_>>().join(", ")
    }

    /// SQL for ORDER BY.
    pub(crate) fn order_by(&self) -> String {
        let keys = self.keys.iter().map(|key| match key.descending {
            true => format!("{} DESC", key.sql),
            false => key.sql.to_owned(),
        });
        let ids = self.ids.iter().map(|id| (*id).to_owned());
        keys.chain(ids).collect::<Vec<_>>().join(", ")
    }

    /// Condition on rows at `place` or behind it.
    pub(crate) fn behind(&self, place: &Place) -> String {
        let mut parts: Vec<(String, &str, String)> = Vec::new();
        for (key, value) in self.keys.iter().zip(&place.keys) {
            let value = match key.time {
                true => format!("to_timestamp_nanos({value})"),
                false => value.to_string(),
            };
            let later = if key.descending { "<" } else { ">" };
            parts.push((key.sql.to_owned(), later, value));
        }
        for (id, value) in self.ids.iter().zip(&place.ids) {
            parts.push(((*id).to_owned(), ">", quoted(value)));
        }
        let mut sql = "TRUE".to_owned();
        for (column, later, value) in parts.iter().rev() {
            sql = format!("({column} {later} {value} OR ({column} = {value} AND {sql}))");
        }
        // The first key once more, plainly: statistics can then exclude files.
        match parts.first() {
            Some((column, later, value)) => format!("{column} {later}= {value} AND {sql}"),
            None => sql,
        }
    }

    /// Rows to read for a page of `limit` from `place`: one more tells that there is a next page.
    pub(crate) fn fetch(limit: u32, place: Option<&Place>) -> u64 {
        u64::from(limit) + 1 + place.map_or(0, |place| place.given)
    }

    /// The rows of the page among those read, and the cursor of the next page. Columns of keys and
    /// ids begin at `first_column`.
    pub(crate) fn next<'a>(
        &self,
        rows: impl Iterator<Item = Row<'a>>,
        first_column: usize,
        limit: u32,
        asked: Asked<'_>,
    ) -> (Vec<Row<'a>>, Option<String>) {
        let before = asked.place.map_or(0, |place| place.given) as usize;
        let read: Vec<Row<'a>> = rows.collect();
        // Fewer rows with the place's key than were given: some have gone since.
        let same = |row: &Row<'_>| {
            asked.place.is_some_and(|place| {
                self.key(row, first_column) == (place.keys.clone(), place.ids.clone())
            })
        };
        let skipped = read.iter().take(before).take_while(|row| same(row)).count();
        let mut page: Vec<Row<'a>> = read.into_iter().skip(skipped).collect();
        if page.len() <= limit as usize {
            return (page, None);
        }
        page.truncate(limit as usize);
        let Some(last) = page.last() else {
            return (page, None);
        };
        let key = self.key(last, first_column);
        let twins = page
            .iter()
            .rev()
            .take_while(|row| self.key(row, first_column) == key);
        let mut given = twins.count() as u64;
        if given == page.len() as u64 && page.first().is_some_and(same) {
            given += skipped as u64;
        }
        let place = Place {
            from: asked.range.from,
            to: asked.range.to,
            question: asked.question,
            total: asked.total,
            keys: key.0,
            ids: key.1,
            given,
        };
        (page, Some(cursor(&place)))
    }

    fn key(&self, row: &Row<'_>, first_column: usize) -> (Vec<i64>, Vec<String>) {
        let ids_at = first_column + self.keys.len();
        let keys = (first_column..ids_at).map(|column| row.int(column).unwrap_or_default());
        let ids =
            (ids_at..ids_at + self.ids.len()).map(|column| row.hex(column).unwrap_or_default());
        (keys.collect(), ids.collect())
    }
}

/// What a page belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) range: Range,
    pub(crate) question: u64,
    pub(crate) place: Option<&'a Place>,
    pub(crate) total: u64,
}
