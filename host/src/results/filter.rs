//! Which rows of a run are read.

use super::table::Table;
use super::value::Value;

/// Conditions that all have to hold; none takes every row. Applied to rows other than invocations, those of the
/// invocation speak of the invocation that a row belongs to, and leave out rows that belong to none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The invocation's experiment.
    pub experiment: Option<String>,
    /// The invocation's function.
    pub function: Option<String>,
    /// The invocation's size.
    pub size: Option<String>,
    /// The invocation's engine.
    pub engine: Option<String>,
    /// The invocation's platform.
    pub platform: Option<String>,
    /// Cold invocations only, or warm ones only.
    pub is_cold: Option<bool>,
    /// This invocation only.
    pub invocation: Option<super::InvocationId>,
    /// The name of a series, a counter, a metric; of a record's function; of a note's level; the kind of a document. Invocations have none.
    pub name: Option<String>,
}

impl Filter {
    /// The conditions in SQL, each beginning with ` AND`, and their arguments in order, numbered from `first`.
    pub(super) fn conditions<T: Table>(&self, first: usize) -> (String, Vec<Value<'static>>) {
        let mut arguments: Vec<Value<'static>> = Vec::new();
        let mut condition = |column: &str, value: Value<'static>| {
            arguments.push(value);
            format!(" AND {column} = ${}", first + arguments.len() - 1)
        };
        let is_invocation = T::NAME == "invocations";
        let mut sql = String::new();
        if let Some(invocation) = self.invocation {
            sql.push_str(&condition(if is_invocation { "t.id" } else { "t.invocation" }, invocation.0.into()));
        }
        if let (Some(column), Some(name)) = (T::NAMED_BY, &self.name) {
            sql.push_str(&condition(&format!("t.{column}"), name.clone().into()));
        }
        let table = if is_invocation { "t" } else { "i" };
        let texts = [
            ("experiment", &self.experiment),
            ("function", &self.function),
            ("size", &self.size),
            ("engine", &self.engine),
            ("platform", &self.platform),
        ];
        let mut of_invocation = String::new();
        for (column, wanted) in texts {
            if let Some(wanted) = wanted {
                of_invocation.push_str(&condition(&format!("{table}.{column}"), wanted.clone().into()));
            }
        }
        if let Some(is_cold) = self.is_cold {
            of_invocation.push_str(&condition(&format!("{table}.is_cold"), is_cold.into()));
        }
        if is_invocation || of_invocation.is_empty() {
            sql.push_str(&of_invocation);
        } else {
            sql.push_str(&format!(
                " AND EXISTS (SELECT 1 FROM invocations AS i WHERE i.id = t.invocation{of_invocation})"
            ));
        }
        (sql, arguments)
    }
}
