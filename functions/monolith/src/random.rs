//! CPython's random numbers: the same sequence as Python's `random` module for the same seed.
//!
//! The generator is MT19937 (Matsumoto and Nishimura, 1998, <https://doi.org/10.1145/272991.272995>); how it is seeded and
//! how integers are drawn follows CPython's `Modules/_randommodule.c` and `Lib/random.py` (3.2 and later).

const STATE_WORDS: usize = 624;
const MIDDLE: usize = 397;

/// Python's `random.Random`, as far as integers go.
pub(crate) struct Random {
    state: [u32; STATE_WORDS],
    /// The next word of the state to be given out.
    position: usize,
}

impl Random {
    /// `random.seed(seed)` for an integer: its absolute value, cut into 32-bit words, the lowest first.
    pub(crate) fn from_seed(seed: i128) -> Random {
        let mut rest = seed.unsigned_abs();
        let mut key = vec![rest as u32];
        rest >>= 32;
        while rest > 0 {
            key.push(rest as u32);
            rest >>= 32;
        }
        let mut random = Random { state: initial_state(19_650_218), position: STATE_WORDS };
        random.mix_in(&key);
        random
    }

    /// `init_by_array` of the reference implementation, on a state that [`initial_state`] has filled.
    fn mix_in(&mut self, key: &[u32]) {
        let state = &mut self.state;
        let (mut i, mut j) = (1, 0);
        let mixed = |state: &[u32; STATE_WORDS], i: usize, factor: u32| {
            state[i] ^ (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(factor)
        };
        for _ in 0..STATE_WORDS.max(key.len()) {
            state[i] = mixed(state, i, 1_664_525).wrapping_add(key[j]).wrapping_add(j as u32);
            i += 1;
            j = (j + 1) % key.len();
            if i == STATE_WORDS {
                state[0] = state[STATE_WORDS - 1];
                i = 1;
            }
        }
        for _ in 1..STATE_WORDS {
            state[i] = mixed(state, i, 1_566_083_941).wrapping_sub(i as u32);
            i += 1;
            if i == STATE_WORDS {
                state[0] = state[STATE_WORDS - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
    }

    fn next_word(&mut self) -> u32 {
        if self.position == STATE_WORDS {
            self.refill();
        }
        let mut word = self.state[self.position];
        self.position += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// In three parts, so that no index has to be taken modulo the length.
    fn refill(&mut self) {
        let state = &mut self.state;
        for i in 0..STATE_WORDS - MIDDLE {
            state[i] = state[i + MIDDLE] ^ twist(state[i], state[i + 1]);
        }
        for i in STATE_WORDS - MIDDLE..STATE_WORDS - 1 {
            state[i] = state[i + MIDDLE - STATE_WORDS] ^ twist(state[i], state[i + 1]);
        }
        state[STATE_WORDS - 1] = state[MIDDLE - 1] ^ twist(state[STATE_WORDS - 1], state[0]);
        self.position = 0;
    }

    /// `getrandbits(bits)` for 1 to 64 bits.
    fn bits(&mut self, bits: u32) -> u64 {
        if bits <= 32 {
            return u64::from(self.next_word() >> (32 - bits));
        }
        let low = u64::from(self.next_word());
        low | u64::from(self.next_word() >> (64 - bits)) << 32
    }

    /// `_randbelow_with_getrandbits(limit)`: an integer from 0 to `limit - 1`, for a limit of 1 or more.
    fn below(&mut self, limit: u64) -> u64 {
        let bits = u64::BITS - limit.leading_zeros();
        loop {
            let drawn = self.bits(bits);
            if drawn < limit {
                return drawn;
            }
        }
    }

    /// `randint(low, high)`: both ends included.
    pub(crate) fn integer(&mut self, low: i32, high: i32) -> i32 {
        let width = (i64::from(high) - i64::from(low) + 1).unsigned_abs();
        (i64::from(low) + self.below(width) as i64) as i32
    }

    /// `randint(0, length - 1)`: an index into something that is not empty. It draws as `choice` does.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// `choice(words)`.
    pub(crate) fn choice<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.index(words.len())]
    }
}

fn twist(upper: u32, lower: u32) -> u32 {
    let joined = (upper & 0x8000_0000) | (lower & 0x7fff_ffff);
    (joined >> 1) ^ if joined & 1 == 1 { 0x9908_b0df } else { 0 }
}

/// `init_genrand` of the reference implementation.
fn initial_state(seed: u32) -> [u32; STATE_WORDS] {
    let mut state = [seed; STATE_WORDS];
    for i in 1..STATE_WORDS {
        let before = state[i - 1];
        state[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `random.seed(s); [random.getrandbits(32) for _ in range(3)]` of CPython 3.11.
    #[test]
    fn words_are_those_of_cpython() {
        for (seed, words) in [
            (0, [3626764237, 1654615998, 3255389356]),
            (1, [577090037, 2444712010, 3639700191]),
            (-1, [577090037, 2444712010, 3639700191]),
            (12345, [1789368711, 3146859322, 43676229]),
            (4294967296, [485306839, 1508871100, 1794561286]),
            (-9223372036854775808, [2377109768, 1691753470, 4039908392]),
            (9223372036854775807, [1359979423, 2819855560, 2711238091]),
            (18446744073709551615, [93740670, 1068495656, 1452108352]),
        ] {
            let mut random = Random::from_seed(seed);
            assert_eq!([random.bits(32), random.bits(32), random.bits(32)], words, "seed {seed}");
        }
    }

    /// Two refills on: `random.seed(7); [random.getrandbits(32) for _ in range(2000)][-1]`.
    #[test]
    fn the_sequence_goes_on_over_refills() {
        let mut random = Random::from_seed(7);
        let last = (0..2000).map(|_| random.bits(32)).last();
        assert_eq!(last, Some(2803521222));
    }

    /// `random.seed(1); [random.getrandbits(n) for n in (1, 7, 31, 33, 40, 64)]`.
    #[test]
    fn any_number_of_bits_is_drawn_as_cpython_draws_it() {
        let mut random = Random::from_seed(1);
        let drawn = [1, 7, 31, 33, 40, 64].map(|bits| random.bits(bits));
        assert_eq!(drawn, [0, 72, 1819850095, 7740669488, 279443915985, 9139164268605729673]);
    }

    /// `random.seed(5)`, then `randint(0, 100)`, `randint(-5, 5)`, `randint(0, 2**31 - 1)`, `choice("abcdefg")`.
    #[test]
    fn integers_and_choices_are_drawn_as_cpython_draws_them() {
        let mut random = Random::from_seed(5);
        let drawn = [random.integer(0, 100), random.integer(-5, 5), random.integer(0, i32::MAX)];
        assert_eq!(drawn, [79, -1, 1539898300]);
        assert_eq!(random.choice(&["a", "b", "c", "d", "e", "f", "g"]), "g");
    }
}
