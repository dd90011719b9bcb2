//! `fib`: a Fibonacci number by Binet's formula.

use crate::random::Random;

/// Binet's formula in doubles for n = randint(0, 20), with the rounding errors that it has.
pub(crate) fn fibonacci(random: &mut Random) -> f64 {
    binet(random.integer(0, 20))
}

/// ((1 + √5)^n - (1 - √5)^n) / (2^n √5), operation by operation as Python evaluates it.
///
/// The powers come from the `libm` crate: those of a system's own library may differ in the last digit.
fn binet(n: i32) -> f64 {
    let root = 5.0_f64.sqrt();
    let exponent = f64::from(n);
    (libm::pow(1.0 + root, exponent) - libm::pow(1.0 - root, exponent)) / (f64::from(1 << n) * root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python;

    /// `repr(((1+sqrt(5))**n-(1-sqrt(5))**n)/(2**n*sqrt(5)))` of CPython 3.11 for n from 0 to 20.
    #[test]
    fn every_number_is_the_one_that_cpython_prints() {
        let expected = [
            "0.0",
            "1.0",
            "1.0",
            "2.0",
            "3.0000000000000004",
            "5.000000000000001",
            "8.000000000000002",
            "13.000000000000002",
            "21.000000000000004",
            "34.00000000000001",
            "55.000000000000014",
            "89.00000000000003",
            "144.00000000000006",
            "233.00000000000006",
            "377.00000000000017",
            "610.0000000000003",
            "987.0000000000005",
            "1597.000000000001",
            "2584.000000000002",
            "4181.000000000003",
            "6765.000000000005",
        ];
        for (n, expected) in expected.into_iter().enumerate() {
            assert_eq!(python::str(&binet(n as i32)), expected, "n = {n}");
        }
    }
}
