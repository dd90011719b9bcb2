//! Which rows of a run are read.

use super::table::Table;

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
    /// The name of a series, a counter, a metric; of a record's function; of a note's level. Invocations have none.
    pub name: Option<String>,
}

/// A value to bind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    Integer(i64),
    Text(String),
}

impl Filter {
    /// The conditions in SQL, each beginning with ` AND`, and their arguments in order.
    pub(super) fn conditions<T: Table>(&self) -> (String, Vec<Argument>) {
        let mut sql = String::new();
        let mut arguments = Vec::new();
        let mut of_invocation = String::new();
        let mut invocation_arguments = Vec::new();
        let texts = [
            ("experiment", &self.experiment),
            ("function", &self.function),
            ("size", &self.size),
            ("engine", &self.engine),
            ("platform", &self.platform),
        ];
        for (column, wanted) in texts {
            if let Some(wanted) = wanted {
                of_invocation.push_str(&format!(" AND i.{column} = ?"));
                invocation_arguments.push(Argument::Text(wanted.clone()));
            }
        }
        if let Some(is_cold) = self.is_cold {
            of_invocation.push_str(" AND i.is_cold = ?");
            invocation_arguments.push(Argument::Integer(is_cold.into()));
        }
        let is_invocation = T::NAME == "invocations";
        if let Some(invocation) = self.invocation {
            sql.push_str(if is_invocation { " AND t.id = ?" } else { " AND t.invocation = ?" });
            arguments.push(Argument::Integer(invocation.0));
        }
        if let (Some(column), Some(name)) = (T::NAMED_BY, &self.name) {
            sql.push_str(&format!(" AND t.{column} = ?"));
            arguments.push(Argument::Text(name.clone()));
        }
        if is_invocation {
            sql.push_str(&of_invocation.replace(" i.", " t."));
        } else if !of_invocation.is_empty() {
            sql.push_str(&format!(
                " AND EXISTS (SELECT 1 FROM invocations AS i WHERE i.id = t.invocation{of_invocation})"
            ));
        }
        arguments.extend(invocation_arguments);
        (sql, arguments)
    }
}
