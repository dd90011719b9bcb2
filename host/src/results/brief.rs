//! Invocations as numbers only: the way to read a million of them.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::database::Pool;
use super::row::Invocation;
use super::value::{Value, unreadable};
use super::{Filter, InvocationId, RunNumber, Store, StoreError};

/// Rows read at a time.
const PAGE: usize = 4_096;

/// The times of an invocation, and where it stands in its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brief {
    /// The invocation.
    pub id: InvocationId,
    /// Its group, counted from 0 in the order in which groups appear.
    pub group: u32,
    /// Which worker process, counted over the run; none where there is none of ours.
    pub process: Option<u32>,
    /// Which round of what is interleaved, from 0.
    pub round: u32,
    /// Which repetition within its process, from 0.
    pub repetition: u32,
    /// When it began, Unix time, ns.
    pub start_unix_ns: i64,
    /// Whether it was its instance's first.
    pub is_cold: bool,
    /// Its duration by a monotonic clock, ns.
    pub wall_ns: Option<u64>,
    /// Processor time in user mode, ns.
    pub user_ns: Option<u64>,
    /// Processor time in the kernel, ns.
    pub system_ns: Option<u64>,
    /// Whether it ended with an error.
    pub is_error: bool,
}

/// What invocations of one group have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// The experiment's name.
    pub experiment: String,
    /// The function's name.
    pub function: String,
    /// The workload's size.
    pub size: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// The platform's name.
    pub platform: String,
}

impl Store {
    /// Calls `each` for every invocation of a run that passes the filter, with its group, in the order in which their
    /// ids were reserved, until it says to stop. Returns the groups. In a file several times as fast as
    /// [`Store::for_each`], everywhere in less memory.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn for_each_brief(
        &self,
        run: RunNumber,
        filter: &Filter,
        mut each: impl FnMut(Brief, &Group) -> ControlFlow<()>,
    ) -> Result<Vec<Group>, StoreError> {
        let (conditions, arguments) = filter.conditions::<Invocation>(3);
        let sql = page_statement(&self.pool, &conditions);
        let mut values: Vec<Value<'_>> = vec![run.rows().start.into(), run.rows().end.into()];
        values.extend(arguments);
        let mut groups = Groups::default();
        let mut page = Vec::with_capacity(PAGE);
        loop {
            let rows = self.pool.fetch_all(&sql, &values).await.map_err(|error| self.error(error))?;
            let text: Option<String> = match rows.first() {
                Some(row) => row.at(0).map_err(|error| self.error(error))?,
                None => None,
            };
            page.clear();
            for line in text.as_deref().unwrap_or_default().lines() {
                let brief = groups.parse(line);
                page.push(brief.ok_or_else(|| self.error(unreadable("invocations", "a value is out of range")))?);
            }
            // In order already; that an aggregate keeps the order of its rows is promised by neither database.
            page.sort_unstable_by_key(|brief: &Brief| brief.id);
            for brief in &page {
                values[0] = (brief.id.0 + 1).into();
                if each(*brief, &groups.all[brief.group as usize]).is_break() {
                    return Ok(groups.all);
                }
            }
            if page.len() < PAGE {
                return Ok(groups.all);
            }
        }
    }
}

/// A page as one value, a line per invocation: handing over a value costs the database more than making text of it.
fn page_statement(pool: &Pool, conditions: &str) -> String {
    let numbers = ["id", "process", "round", "repetition", "start_unix_ns", "wall_ns", "user_ns", "system_ns"];
    let numbers = numbers.map(|column| format!("COALESCE(CAST(t.{column} AS TEXT), '')")).join(" || ',' || ");
    let truths = ["t.is_cold", "t.status = 'error'"];
    let truths = truths.map(|condition| format!("CASE WHEN {condition} THEN '1' ELSE '0' END")).join(" || ',' || ");
    let (json_array, aggregate) = match pool {
        Pool::Sqlite(_) => ("json_array", "group_concat(line, char(10))"),
        Pool::Postgres(_) => ("json_build_array", "string_agg(line, chr(10))"),
    };
    // As JSON, names can't hold the line break that ends the line.
    let names = format!("CAST({json_array}(t.experiment, t.function, t.size, t.engine, t.platform) AS TEXT)");
    format!(
        "SELECT {aggregate} FROM (SELECT {numbers} || ',' || {truths} || ',' || {names} AS line FROM invocations AS t \
         WHERE t.id >= $1 AND t.id < $2{conditions} ORDER BY t.id LIMIT {PAGE}) AS page"
    )
}

/// The groups seen so far.
#[derive(Default)]
struct Groups {
    all: Vec<Group>,
    by_names: HashMap<String, u32>,
    /// The one seen last, which most often comes again.
    last: Option<(String, u32)>,
}

impl Groups {
    /// None when the line isn't what the statement makes, or a number doesn't fit its type.
    fn parse(&mut self, line: &str) -> Option<Brief> {
        let mut fields = line.splitn(11, ',');
        let id = InvocationId(fields.next()?.parse().ok()?);
        let process = optional(fields.next()?)?;
        let round = fields.next()?.parse().ok()?;
        let repetition = fields.next()?.parse().ok()?;
        let start_unix_ns = fields.next()?.parse().ok()?;
        let wall_ns = optional(fields.next()?)?;
        let user_ns = optional(fields.next()?)?;
        let system_ns = optional(fields.next()?)?;
        let is_cold = fields.next()? == "1";
        let is_error = fields.next()? == "1";
        let group = self.group(fields.next()?)?;
        Some(Brief {
            id,
            group,
            process,
            round,
            repetition,
            start_unix_ns,
            is_cold,
            wall_ns,
            user_ns,
            system_ns,
            is_error,
        })
    }

    fn group(&mut self, names: &str) -> Option<u32> {
        if let Some((last, group)) = &self.last
            && last == names
        {
            return Some(*group);
        }
        let group = match self.by_names.get(names) {
            Some(group) => *group,
            None => {
                let [experiment, function, size, engine, platform] = serde_json::from_str(names).ok()?;
                let group = u32::try_from(self.all.len()).ok()?;
                self.all.push(Group { experiment, function, size, engine, platform });
                self.by_names.insert(names.to_owned(), group);
                group
            }
        };
        self.last = Some((names.to_owned(), group));
        Some(group)
    }
}

/// None for a number that doesn't fit, nothing for no number.
fn optional<T: std::str::FromStr>(field: &str) -> Option<Option<T>> {
    if field.is_empty() { Some(None) } else { field.parse().ok().map(Some) }
}
