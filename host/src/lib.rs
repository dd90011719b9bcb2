//! faasbench
