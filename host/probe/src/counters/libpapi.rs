//! The same presets through libpapi, with the cargo feature `libpapi`: a second opinion on our own counters.
//!
//! Counting is the crate papi-bindings'. Starting the library and listing its events is done here: papi-bindings asks for
//! version 6.0 of the library, which every other version refuses, and lists nothing.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use papi_bindings::PapiError;
use papi_bindings::counter::Counter;
use papi_bindings::events_set::EventsSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Values of `papi.h`, the same in versions 5 to 7.
const PAPI_OK: c_int = 0;
const PAPI_LIB_VERSION: c_int = 21;
const PAPI_PRESET_MASK: c_uint = 0x8000_0000;
const PAPI_ENUM_EVENTS: c_int = 0;
const PAPI_ENUM_FIRST: c_int = 1;
/// What the library compares when it is started: the first two of its version's four bytes.
const MAJOR_AND_MINOR: c_int = 0xffff_0000_u32 as c_int;
/// Room for an event's name. `papi.h` asks for `PAPI_MAX_STR_LEN`, 128.
const NAME_BYTES: usize = 1024;

// papi-bindings links the library; these are functions of it that it keeps to itself.
unsafe extern "C" {
    fn PAPI_get_opt(option: c_int, value: *mut c_void) -> c_int;
    fn PAPI_library_init(version: c_int) -> c_int;
    fn PAPI_thread_init(identifier: extern "C" fn() -> c_ulong) -> c_int;
    fn PAPI_register_thread() -> c_int;
    fn PAPI_unregister_thread() -> c_int;
    fn PAPI_strerror(code: c_int) -> *const c_char;
    fn PAPI_enum_event(event: *mut c_int, modifier: c_int) -> c_int;
    fn PAPI_cleanup_eventset(set: c_int) -> c_int;
    fn PAPI_destroy_eventset(set: *mut c_int) -> c_int;
    fn PAPI_query_event(event: c_int) -> c_int;
    fn PAPI_event_code_to_name(event: c_int, name: *mut c_char) -> c_int;
}

/// libpapi refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("libpapi can't {action}: {reason}")]
pub struct LibpapiError {
    /// What it was asked to do.
    pub action: String,
    /// What it says, and its error number.
    pub reason: String,
}

/// A preset of libpapi's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LibpapiPreset {
    /// Its name, with `PAPI_`.
    pub name: String,
    /// Whether libpapi has an event of this processor for it. It goes by the processor's model, so it may have one and not
    /// be able to count it.
    pub has_event: bool,
    /// Whether libpapi could count it here.
    pub countable: bool,
    /// Why not, in libpapi's words.
    pub reason: Option<String>,
}

/// What libpapi can count on a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LibpapiInventory {
    /// The version of the library that is linked, `7.0.0.0`.
    pub version: Option<String>,
    /// Why there is nothing to list.
    pub absent_reason: Option<String>,
    /// Every preset that it names, in its own order.
    pub presets: Vec<LibpapiPreset>,
}

/// libpapi, started, and told of this thread: the one that it counts.
#[derive(Debug)]
pub struct Libpapi {
    version: c_int,
    /// Threads of this process that use the library take turns.
    _turn: MutexGuard<'static, ()>,
    /// It stays on its thread.
    _thread: PhantomData<*const ()>,
}

impl Libpapi {
    /// Starts the library, once for the process, and waits for the thread that uses it now.
    ///
    /// # Errors
    /// It can't be started, or refuses this thread.
    pub fn start() -> Result<Self, LibpapiError> {
        static TURN: Mutex<()> = Mutex::new(());
        static STARTED: OnceLock<Result<c_int, LibpapiError>> = OnceLock::new();
        // Whoever panicked during its turn left nothing half done: it dropped its `Libpapi`.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let version = STARTED.get_or_init(initialise).clone()?;
        // SAFETY: the library is started. Without this, it follows a null pointer on any thread but the one that started it.
        checked("take on a thread", unsafe { PAPI_register_thread() })?;
        Ok(Self { version, _turn: turn, _thread: PhantomData })
    }

    /// The version of the library that is linked, `7.0.0.0`.
    #[must_use]
    pub fn version(&self) -> String {
        self.version.to_be_bytes().map(|part| part.to_string()).join(".")
    }

    /// Calls `measured` and gives what the events `names` counted on this thread meanwhile, in user mode, in their order. Names
    /// are libpapi's: presets with `PAPI_`, and native events such as `perf::PAGE-FAULTS`.
    ///
    /// # Errors
    /// libpapi doesn't know a name, or can't count these events or not together.
    pub fn around<T>(&self, names: &[&str], measured: impl FnOnce() -> T) -> Result<(T, Vec<u64>), LibpapiError> {
        // Before the set, so that it is dropped after it.
        let _freed = FreedSets;
        let mut set = self.open(names)?;
        let failed = |action: &str, error: PapiError| refusal(&format!("{action} {}", names.join(", ")), &error);
        set.start().map_err(|error| failed("start", error))?;
        let value = measured();
        let counts = set.stop().map_err(|error| failed("stop", error))?;
        let counts = counts.iter().map(|count| u64::try_from(*count));
        let counts = counts.collect::<Result<_, _>>().map_err(|_| LibpapiError {
            action: format!("count {}", names.join(", ")),
            reason: "a count was below zero".to_owned(),
        })?;
        Ok((value, counts))
    }

    fn open(&self, names: &[&str]) -> Result<EventsSet, LibpapiError> {
        let known = |name: &&str| {
            // It stops the program at a NUL.
            let counter = Counter::from_name(&name.replace('\0', ""));
            counter.map_err(|error| refusal(&format!("find {name}"), &error))
        };
        let counters = names.iter().map(known).collect::<Result<Vec<Counter>, _>>()?;
        EventsSet::new(&counters).map_err(|error| refusal(&format!("open {}", names.join(", ")), &error))
    }

    fn presets(&self) -> Vec<LibpapiPreset> {
        preset_codes()
            .filter_map(|code| Some((code, name_of(code)?)))
            .map(|(code, name)| self.preset(code, name))
            .collect()
    }

    fn preset(&self, code: c_int, name: String) -> LibpapiPreset {
        // SAFETY: the library is started, and takes any number.
        let queried = unsafe { PAPI_query_event(code) };
        let has_event = queried == PAPI_OK;
        let reason =
            if has_event { self.around(&[&name], || ()).err().map(|error| error.reason) } else { Some(words(queried)) };
        LibpapiPreset { name, has_event, countable: reason.is_none(), reason }
    }
}

/// Frees every set when it is dropped: papi-bindings leaves those that hold events, with their descriptors.
struct FreedSets;

impl Drop for FreedSets {
    fn drop(&mut self) {
        // Numbers of sets begin at 0 and are given again, and as each set is freed here there is no gap.
        for number in 0.. {
            let mut set = number;
            // SAFETY: it takes any number, and refuses one that is no set's. Nobody else has sets, as this has the turn.
            if unsafe { PAPI_cleanup_eventset(set) } != PAPI_OK {
                return;
            }
            // SAFETY: the set exists and is empty, and the pointer is to a number of our own.
            unsafe { PAPI_destroy_eventset(&raw mut set) };
        }
    }
}

impl Drop for Libpapi {
    fn drop(&mut self) {
        // SAFETY: this is the thread that was registered, and no set of it counts any more. What it answers changes nothing.
        unsafe { PAPI_unregister_thread() };
    }
}

/// Lists libpapi's presets and tries each that it has an event for.
#[must_use]
pub fn libpapi_inventory() -> LibpapiInventory {
    match Libpapi::start() {
        Ok(papi) => LibpapiInventory { version: Some(papi.version()), absent_reason: None, presets: papi.presets() },
        Err(error) => LibpapiInventory { version: None, absent_reason: Some(error.to_string()), presets: Vec::new() },
    }
}

/// Starts the library, whichever version it is, and gives the version.
fn initialise() -> Result<c_int, LibpapiError> {
    // SAFETY: this option takes no value, and may be asked for before the library is started.
    let version = unsafe { PAPI_get_opt(PAPI_LIB_VERSION, std::ptr::null_mut()) };
    let wanted = version & MAJOR_AND_MINOR;
    // SAFETY: it takes any number; the caller sees to it that no two threads come here at once.
    let started = unsafe { PAPI_library_init(wanted) };
    checked("start", if started == wanted && version > 0 { PAPI_OK } else { started })?;
    // SAFETY: the library is started, and the function stays as long as the program.
    checked("count by threads", unsafe { PAPI_thread_init(thread_identifier) })?;
    Ok(version)
}

extern "C" fn thread_identifier() -> c_ulong {
    // SAFETY: it can't fail.
    unsafe { libc::pthread_self() }
}

fn checked(action: &str, code: c_int) -> Result<(), LibpapiError> {
    if code == PAPI_OK { Ok(()) } else { Err(LibpapiError { action: action.to_owned(), reason: words(code) }) }
}

fn preset_codes() -> impl Iterator<Item = c_int> {
    let step = |code: c_int, modifier| {
        let mut code = code;
        // SAFETY: the pointer is to a number of our own; the library is started, as only `Libpapi` comes here.
        (unsafe { PAPI_enum_event(&raw mut code, modifier) } == PAPI_OK).then_some(code)
    };
    std::iter::successors(step(PAPI_PRESET_MASK as c_int, PAPI_ENUM_FIRST), move |code| step(*code, PAPI_ENUM_EVENTS))
}

fn name_of(code: c_int) -> Option<String> {
    let mut name = [0; NAME_BYTES];
    // SAFETY: there is more room than the library asks for, and it is started.
    let found = unsafe { PAPI_event_code_to_name(code, name.as_mut_ptr()) };
    let bytes = name.map(c_char::cast_unsigned);
    (found == PAPI_OK).then(|| CStr::from_bytes_until_nul(&bytes).ok()?.to_str().ok().map(str::to_owned))?
}

fn refusal(action: &str, error: &PapiError) -> LibpapiError {
    // papi-bindings shows its number in no other way: `PapiError { code: -7 }`.
    let text = format!("{error:?}");
    let number = text.trim_matches(|character: char| character != '-' && !character.is_ascii_digit());
    LibpapiError { action: action.to_owned(), reason: number.parse().map_or(text.clone(), words) }
}

/// What libpapi says of an error number.
fn words(code: c_int) -> String {
    // SAFETY: it takes any number, and gives null or a text that stays.
    let text = unsafe { PAPI_strerror(code) };
    if text.is_null() {
        return format!("error {code}");
    }
    // SAFETY: not null, so a text that ends with NUL and that nobody changes.
    format!("{} (error {code})", unsafe { CStr::from_ptr(text) }.to_string_lossy())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::hint::black_box;

    use super::super::error::CounterError;
    use super::super::group::CounterGroup;
    use super::super::plan::CounterPlan;
    use super::super::presets::PRESETS;
    use super::super::self_test::SelfTest;
    use super::*;

    /// Two counts agree when they differ by at most this part of the greater.
    const TOLERANCE: f64 = 0.02;
    /// Of a smaller count, what the two readings themselves add is more than the tolerance.
    const LEAST: u64 = 100_000;

    /// Loads, stores, branches both ways and arithmetic, always the same.
    fn work() -> u64 {
        let mut memory = vec![1_u64; 1 << 14];
        let mut state = 1_u64;
        for _ in 0..4_000_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let index = (state >> 50) as usize;
            memory[index] = memory[index].wrapping_add(state);
            if memory[index] & 8 == 0 {
                state ^= 0xff;
            }
        }
        black_box(memory[7])
    }

    /// Each page is new to the process, as the block is larger than what the allocator keeps.
    fn touch_pages(pages: usize) {
        let mut memory = vec![0_u8; pages * 4096];
        memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        black_box(&memory);
    }

    /// The median of five counts of `event` by our own counters.
    fn ours(event: &str, self_test: &SelfTest, measured: impl Fn()) -> Result<Option<u64>, CounterError> {
        let plan = CounterPlan::new(&[event], self_test);
        let [pass] = plan.passes.as_slice() else { return Ok(None) };
        let mut group = CounterGroup::open(pass, self_test.kernel())?;
        group.start()?;
        let mut counts = Vec::new();
        for _ in 0..5 {
            let (_, read) = group.around(&measured)?;
            counts.extend(group.values(&read).value(event));
        }
        Ok(median(counts))
    }

    /// The same by libpapi.
    fn theirs(event: &str, papi: &Libpapi, measured: impl Fn()) -> Result<Option<u64>, LibpapiError> {
        let mut counts = Vec::new();
        for _ in 0..5 {
            counts.extend(papi.around(&[event], &measured)?.1);
        }
        Ok(median(counts))
    }

    fn median(mut counts: Vec<u64>) -> Option<u64> {
        counts.sort_unstable();
        counts.get(counts.len() / 2).copied()
    }

    fn assert_agree(event: &str, ours: u64, theirs: u64) {
        let apart = ours.abs_diff(theirs) as f64 / ours.max(theirs).max(1) as f64;
        assert!(apart <= TOLERANCE, "{event}: {ours} by our own counters, {theirs} by libpapi");
    }

    #[test]
    fn the_library_starts_and_names_its_presets() {
        let inventory = libpapi_inventory();
        assert_eq!(inventory.absent_reason, None);
        assert_eq!(inventory.version.unwrap().split('.').count(), 4);
        for name in ["PAPI_TOT_INS", "PAPI_TOT_CYC", "PAPI_L1_DCM", "PAPI_BR_MSP"] {
            assert!(inventory.presets.iter().any(|preset| preset.name == name), "{name}");
        }
        for preset in &inventory.presets {
            assert_eq!(preset.countable, preset.reason.is_none(), "{preset:?}");
            assert!(preset.has_event || !preset.countable, "{preset:?}");
        }
    }

    #[test]
    fn every_preset_of_ours_is_one_of_papis() {
        let inventory = libpapi_inventory();
        for preset in PRESETS {
            assert!(inventory.presets.iter().any(|of_papi| of_papi.name[5..] == *preset.name), "{}", preset.name);
        }
    }

    #[test]
    fn an_unknown_event_is_refused_in_the_librarys_words() {
        let papi = Libpapi::start().unwrap();
        for name in ["PAPI_NO_SUCH", "PAPI_TOT_INS\0x", ""] {
            let error = papi.around(&[name], || ()).unwrap_err();
            assert!(error.reason.contains("error -"), "{error}");
        }
    }

    #[test]
    fn what_was_opened_is_closed_with_the_threads_turn() {
        let descriptors = || {
            let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
            let targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
            targets.filter(|target| target.to_string_lossy().contains("perf_event")).count()
        };
        let before = descriptors();
        for _ in 0..200 {
            let counted = || Libpapi::start().unwrap().around(&["perf::PAGE-FAULTS"], || ()).is_ok();
            if !std::thread::spawn(counted).join().unwrap() {
                return eprintln!("skipped: libpapi can't count page faults here");
            }
        }
        // Other tests have some open meanwhile.
        assert!(descriptors() < before + 100);
    }

    #[test]
    fn page_faults_are_counted_alike() {
        let self_test = SelfTest::run();
        let papi = Libpapi::start().unwrap();
        let measured = || touch_pages(20_000);
        let ours = ours("page-faults", &self_test, measured).unwrap();
        match (ours, theirs("perf::PAGE-FAULTS", &papi, measured)) {
            (Some(ours), Ok(Some(theirs))) => assert_agree("page-faults", ours, theirs),
            (ours, theirs) => eprintln!("skipped: ours {ours:?}, libpapi's {theirs:?}"),
        }
    }

    #[test]
    fn presets_are_counted_alike() {
        let self_test = SelfTest::run();
        if let Some(reason) = &self_test.hardware_absent {
            eprintln!("skipped, as there are no hardware counters: {reason}");
            return;
        }
        let papi = Libpapi::start().unwrap();
        let mut compared = 0;
        for preset in PRESETS {
            let same_meaning = preset.on(self_test.cpu.as_ref()).is_ok_and(|event| event.note.is_none());
            let measured = || {
                work();
            };
            let (ours, theirs) =
                (ours(preset.name, &self_test, measured), theirs(&format!("PAPI_{}", preset.name), &papi, measured));
            match (ours, theirs) {
                (Ok(Some(ours)), Ok(Some(theirs))) if same_meaning && ours.max(theirs) >= LEAST => {
                    assert_agree(preset.name, ours, theirs);
                    compared += 1;
                }
                (ours, theirs) => eprintln!("{} not compared: ours {ours:?}, libpapi's {theirs:?}", preset.name),
            }
        }
        assert!(compared > 0, "both count instructions wherever there are counters");
    }
}
