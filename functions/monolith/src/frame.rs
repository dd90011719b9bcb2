//! `pandas_numpy`: a data frame of named columns, turned into an array, and its sum.

/// Most columns: 80 bytes each, twice, and a name.
pub(crate) const MAXIMUM_COLUMNS: usize = 100_000;

const ROWS: i64 = 10;

/// Named columns of equal length.
struct DataFrame {
    columns: Vec<(String, Vec<i64>)>,
}

impl DataFrame {
    /// The values row by row, as `DataFrame.to_numpy` gives them.
    fn to_array(&self) -> Vec<i64> {
        let rows = self.columns.first().map_or(0, |(_, values)| values.len());
        let mut array = Vec::with_capacity(rows * self.columns.len());
        for row in 0..rows {
            array.extend(self.columns.iter().map(|(_, values)| values[row]));
        }
        array
    }
}

/// The sum over an array made of a frame of `columns` columns that hold 0 to 9: 45 for each column.
pub(crate) fn sum_of_frame(columns: usize) -> i64 {
    let columns = (0..columns).map(|number| (format!("column {number}"), (0..ROWS).collect())).collect();
    DataFrame { columns }.to_array().into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_adds_forty_five() {
        for columns in [0, 1, 2, 8, 1000] {
            assert_eq!(sum_of_frame(columns), 45 * columns as i64);
        }
    }

    #[test]
    fn an_array_goes_row_by_row() {
        let columns = vec![("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![3, 4])];
        assert_eq!(DataFrame { columns }.to_array(), [1, 3, 2, 4]);
    }
}
