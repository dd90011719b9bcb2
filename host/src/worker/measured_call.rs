//! The one function that a simulator watches for.

/// Name of the function inside which Valgrind counts: the invocation and nothing around it.
pub const MEASURED_CALL: &str = "faasbench_measured_call";

/// Makes the call. Never inlined and with its name kept, so that `--toggle-collect` finds it.
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) fn faasbench_measured_call(call: &mut dyn FnMut()) {
    call();
}
