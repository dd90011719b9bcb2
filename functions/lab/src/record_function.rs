//! The course of an invocation of the four record functions: sleep, throughput, nested calls, then the function's own work.

use std::thread;
use std::time::{Instant, SystemTime};

use crate::event::Event;
use crate::record::{OwnFields, Record, microseconds, response};
use crate::request::Request;
use crate::{Error, Lab, nested, throughput};

/// A function's own work, ready to run: it returns the fields that it adds to the record.
pub type OwnWork<'a> = Box<dyn FnOnce(&dyn Lab) -> Result<OwnFields, Error> + 'a>;

/// Serves one invocation of a function that has no work of its own.
///
/// # Errors
/// A bad request for an event that is not as documented. Failed nested calls are no error: they are records.
pub fn serve(function_name: &str, lab: &dyn Lab, event: &str) -> Result<String, Error> {
    serve_with(function_name, lab, event, |_| Ok(None))
}

/// Like [`serve`], for a function with work of its own. `prepare` checks that function's keys before any work begins and
/// returns the work, which runs last.
///
/// # Errors
/// As [`serve`], and those of `prepare` and of the work.
pub fn serve_with<'a>(
    function_name: &str,
    lab: &dyn Lab,
    event: &str,
    prepare: impl FnOnce(&Event) -> Result<Option<OwnWork<'a>>, Error>,
) -> Result<String, Error> {
    let start = Instant::now();
    let execution_start_ns = unix_time_ns();
    let event = Event::parse(event)?;
    let request = Request::read(&event)?;
    let own_work = prepare(&event)?;
    let instance = lab.instance();
    let identifier = nested::new_identifier(function_name);

    if let Some(duration) = request.sleep_duration() {
        thread::sleep(duration);
    }
    let throughput = request.throughput_time.as_ref().map(|time| {
        let cpu_start_us = lab.cpu_time_us();
        let done = throughput::run(time.duration);
        (done, cpu_time_between_us(cpu_start_us, lab.cpu_time_us()))
    });
    let descendants = nested::call_all(lab, &request, &identifier);
    let own_fields = match own_work {
        Some(work) => work(lab)?,
        None => OwnFields::new(),
    };

    let record = Record {
        identifier: &identifier,
        function_name,
        request: &request,
        instance: &instance,
        throughput,
        own_fields,
        process_cpu_us: lab.cpu_time_us(),
        execution_us: microseconds(start.elapsed()),
        execution_start_ns,
        execution_end_ns: unix_time_ns(),
    };
    Ok(response(&record, descendants))
}

/// The processor time between two readings, us; `None` where either could not be read.
pub fn cpu_time_between_us(start_us: Option<u64>, end_us: Option<u64>) -> Option<u64> {
    end_us?.checked_sub(start_us?)
}

/// `None` where the clock stands before 1970 or beyond 2554.
fn unix_time_ns() -> Option<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}
