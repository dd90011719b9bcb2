//! `faasbench load`.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use gateway::Endpoint;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use load::{
    AUTHORIZATION, Ended, HeaderMap, HeaderName, HeaderValue, HttpVersion, LoadError, LoadPlan, LoadResult, Method,
    Pace, Progress, RequestTemplate, Shape, Stop, Target,
};
use platform::HttpCall;

use super::arguments::{LoadArguments, LoadShape};
use super::exit::{self, Failure};
use super::load_requests::{Called, Requests};
use super::{store, target, workloads};
use crate::load_report::LoadReport;
use crate::platforms::{self, Servers};
use crate::report::shown;

/// Clients of a closed loop, where nothing is asked for.
const CLIENTS: u32 = 32;
/// Steps and requests at once, where nothing is asked for.
const STEPS: u32 = 5;
const BURST: u32 = 10;
/// The middle part of a spike.
const SPIKE_SHARE: f64 = 0.2;
/// How many rates the small plot shows.
const PLOTTED: usize = 32;

pub(super) async fn execute(arguments: &LoadArguments, words: &[OsString]) -> Result<(), Failure> {
    let (called, url, own) = place(arguments).await?;
    let mut plan = plan(arguments, &url, own)?;
    let pace = described(&plan.pace);
    if !arguments.store {
        return send(arguments, plan, &url, &pace, None).await;
    }
    plan.keep_records = true;
    store::writable(&arguments.results.location, async |results| {
        let requests = Requests::begin(results, arguments, words, (called, &url), &pace).await?;
        send(arguments, plan, &url, &pace, Some(requests)).await
    })
    .await
}

/// Sends the load and says what came of it; `requests` takes each one.
async fn send(
    arguments: &LoadArguments,
    plan: LoadPlan,
    url: &str,
    pace: &str,
    requests: Option<Requests>,
) -> Result<(), Failure> {
    // Made before anything is sent: an hour's figures are not lost for a folder that is missing.
    let log = arguments.hdr_log.as_deref().map(make_log).transpose()?;
    let (length, seed_of_log) = (plan.length, SystemTime::now());
    let stop = Stop::new();
    let signals = tokio::spawn({
        let stop = stop.clone();
        async move {
            // Where there is no handler, Ctrl-C ends the process.
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.stop();
                eprintln!(
                    "stopping: answers to what was sent are still waited for; Ctrl-C again ends at once, without figures"
                );
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
    });
    let loading = tokio::task::spawn_blocking(move || {
        let mut view = View::new(length);
        let mut requests = requests;
        let result = load::run(plan, &stop, |progress| {
            view.show(progress);
            if let Some(requests) = &mut requests {
                requests.take(progress.records);
            }
        });
        view.finish();
        (result, requests)
    });
    let (outcome, requests) = loading.await.map_err(Failure::ours)?;
    signals.abort();
    let kept = match requests {
        Some(requests) => {
            let is_complete = outcome.as_ref().is_ok_and(|result| result.ended != Ended::Stopped);
            requests.end(is_complete, outcome.as_ref().ok().map(|result| result.dropped)).await
        }
        None => Ok(()),
    };
    let result = outcome.map_err(|error| match error {
        LoadError::Generator(_) => Failure::ours(error),
        error => Failure::users(error),
    })?;
    let logged = match (log, &arguments.hdr_log) {
        (Some(file), Some(path)) => write_log(file, path, &result, seed_of_log),
        _ => Ok(()),
    };
    let report = LoadReport::new(url, pace, &result);
    if arguments.json {
        exit::print_json(&report)?
    } else {
        exit::print(&report.render())?
    }
    logged.and(kept).and_then(|()| verdict(&report))
}

fn verdict(report: &LoadReport) -> Result<(), Failure> {
    match report.ended {
        Ended::Stopped => Err(Failure::Interrupted("interrupted; the figures are those until then".to_owned())),
        Ended::TooManyFailures => Err(Failure::Ours(anyhow!("too many requests failed; the figures say how"))),
        _ if report.succeeded == 0 => {
            Err(Failure::Ours(anyhow!("no request succeeded; is {} what was meant?", report.url)))
        }
        _ => Ok(()),
    }
}

/// What is called, and its address: the one that was given, or that of a deployment with the headers that are asked of its callers.
async fn place(arguments: &LoadArguments) -> Result<(Called, String, HeaderMap), Failure> {
    if arguments.target.contains("://") || arguments.target.starts_with("unix:") {
        return Ok((Called::at(&arguments.target), arguments.target.clone(), HeaderMap::new()));
    }
    let configuration = target::configuration(&arguments.configuration)?;
    let wanted = match &arguments.platform {
        Some(name) => Some(configuration.target(name).map_err(Failure::users)?.name),
        None => None,
    };
    let entry = target::find(&arguments.results.location, &arguments.target, wanted.as_deref()).await?;
    let called =
        Called { function: entry.function.clone(), target: entry.target.clone(), engine: entry.engine.clone() };
    let servers = Servers::new(arguments.results.location.clone(), configuration, workloads::folders()?);
    if !platforms::find(&entry.platform).map_err(Failure::users)?.on_this_machine {
        let platform = servers.to(&entry.platform, &entry.target).await.map_err(target::failure)?;
        let call = platform.http_call(&entry.deployment()).await.map_err(target::failure)?;
        let call = call.ok_or_else(|| {
            Failure::Users(anyhow!(
                "{} on {} has no address that anybody can call; `faasbench invoke` calls it through the platform's interface, and \
                 `faasbench run throughput` or `scale-up` load it that way",
                entry.name,
                entry.target
            ))
        })?;
        check_credential(&call, arguments)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            headers.insert(HeaderName::from_static(name), secret(value)?);
        }
        return Ok((called, call.url, headers));
    }
    let access = servers.access(&entry.platform, &entry.target).map_err(target::failure)?;
    let (endpoint, token) = access.ok_or_else(|| {
        Failure::Users(anyhow!(
            "the server that served {} on {} does not run any more; `faasbench deploy --platform {}` starts it and deploys \
             again",
            entry.name,
            entry.target,
            entry.target
        ))
    })?;
    let authorization = secret(&format!("Bearer {}", token.reveal()))?;
    let url = match endpoint {
        Endpoint::Unix(socket) => format!("unix:{}:/function/{}", socket.display(), entry.name),
        endpoint => format!("{endpoint}/function/{}", entry.name),
    };
    Ok((called, url, HeaderMap::from_iter([(AUTHORIZATION, authorization)])))
}

/// Refuses a load that is longer than the credential lets calls in, which goes along unchanged until the end: the rest of them
/// would measure refusals. What the user sends in its place is the user's.
fn check_credential(call: &HttpCall, arguments: &LoadArguments) -> Result<(), Failure> {
    outlasts(call, &arguments.target, arguments.length, &headers(&arguments.headers)?)
}

fn outlasts(call: &HttpCall, function: &str, length: Duration, given: &HeaderMap) -> Result<(), Failure> {
    let Some(time) = call.valid_for.filter(|time| *time < length) else { return Ok(()) };
    if call.headers.iter().all(|(name, _)| given.contains_key(*name)) {
        return Ok(());
    }
    let said = match time.as_secs() {
        0 => format!("the credential for calls of {function} has expired; get a new one"),
        most => format!(
            "--for is too long for {function}: the credential for its calls lasts {most} s more; give `--for {most}s` or less"
        ),
    };
    Err(Failure::Users(anyhow!(said)))
}

/// A header's value that is never shown.
fn secret(value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value).map_err(Failure::ours)?;
    value.set_sensitive(true);
    Ok(value)
}

/// `own`: headers that the place asks for; what the user says goes before them.
fn plan(arguments: &LoadArguments, url: &str, own: HeaderMap) -> Result<LoadPlan, Failure> {
    let target: Target = url.parse().map_err(Failure::users)?;
    let pace = match arguments.rate {
        Some(rate) => Pace::Open(shape(arguments, rate)?),
        None => Pace::Closed { clients: arguments.clients.unwrap_or(CLIENTS), think: arguments.think },
    };
    let mut request = request(arguments)?;
    for (name, value) in &own {
        request.headers.entry(name).or_insert_with(|| value.clone());
    }
    let mut plan = LoadPlan::new(target, request, pace, arguments.length);
    plan.version = if arguments.http2 { HttpVersion::Http2 } else { HttpVersion::Http1 };
    plan.keep_connections = !arguments.new_connections;
    plan.timeout = arguments.timeout;
    plan.most_requests = arguments.requests;
    plan.stop_above_failures = arguments.stop_above_failures;
    plan.seed = arguments.seed;
    plan.connections = arguments.connections.unwrap_or(plan.connections);
    plan.threads = arguments.threads.unwrap_or(plan.threads);
    if let Some(path) = &arguments.trust {
        plan.trusted = Some(read(path)?);
    }
    plan.validate().map_err(Failure::users)?;
    Ok(plan)
}

fn shape(arguments: &LoadArguments, rate: f64) -> Result<Shape, Failure> {
    let takes = |flag: &str, given: bool, shapes: &[LoadShape]| match given && !shapes.contains(&arguments.shape) {
        true => Err(Failure::Users(anyhow!("{flag} has no meaning for this --shape; leave it out"))),
        false => Ok(()),
    };
    takes(
        "--from",
        arguments.from.is_some(),
        &[LoadShape::Ramp, LoadShape::Step, LoadShape::Spike, LoadShape::Pyramid],
    )?;
    takes("--steps", arguments.steps.is_some(), &[LoadShape::Step])?;
    takes("--burst", arguments.burst.is_some(), &[LoadShape::Burst])?;
    let from = arguments.from.unwrap_or(0.0);
    Ok(match arguments.shape {
        LoadShape::Constant => Shape::Constant { rate },
        LoadShape::Poisson => Shape::Poisson { rate },
        LoadShape::Ramp => Shape::Ramp { from, to: rate },
        LoadShape::Step => Shape::Step { from, to: rate, steps: arguments.steps.unwrap_or(STEPS) },
        LoadShape::Spike => Shape::Spike { rate: from, peak: rate, share: SPIKE_SHARE },
        LoadShape::Pyramid => Shape::Pyramid { rate: from, peak: rate },
        LoadShape::Burst => {
            let every_ms = (1_000.0 / rate).round();
            if every_ms < 1.0 || (1_000.0 / every_ms / rate - 1.0).abs() > 0.01 {
                return Err(Failure::Users(anyhow!(
                    "bursts come a whole number of milliseconds apart, and {rate} a second can't; choose another --rate, or a \
                     greater --burst"
                )));
            }
            Shape::Burst { size: arguments.burst.unwrap_or(BURST), every_ms: every_ms as u64 }
        }
    })
}

fn request(arguments: &LoadArguments) -> Result<RequestTemplate, Failure> {
    let body = match arguments.payload.strip_prefix('@') {
        Some(path) => read(Path::new(path))?,
        None => arguments.payload.clone().into_bytes(),
    };
    let mut request = RequestTemplate::post_json(body);
    request.method = Method::from_bytes(arguments.method.as_bytes())
        .map_err(|_| Failure::Users(anyhow!("--method {} is no method of HTTP", arguments.method)))?;
    request.headers.extend(headers(&arguments.headers)?);
    Ok(request)
}

fn headers(texts: &[String]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for text in texts {
        // The value may be a credential, so only the name is repeated.
        let (name, value) =
            text.split_once(':').ok_or_else(|| Failure::Users(anyhow!("--header needs `Name: value`")))?;
        let wrong = || Failure::Users(anyhow!("--header {}: that can't stand in a request", name.trim()));
        let parsed: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        headers.append(parsed, HeaderValue::from_str(value.trim()).map_err(|_| wrong())?);
    }
    Ok(headers)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).with_context(|| format!("could not read {}", path.display())).map_err(Failure::Users)
}

fn make_log(path: &Path) -> Result<std::fs::File, Failure> {
    std::fs::File::create(path).with_context(|| format!("could not make {}", path.display())).map_err(Failure::Users)
}

fn write_log(mut file: std::fs::File, path: &Path, result: &LoadResult, begin: SystemTime) -> Result<(), Failure> {
    let failed = |error: String| Failure::Users(anyhow!("could not write {}: {error}", path.display()));
    result.write_log(&mut file, begin).map_err(|error| failed(error.to_string()))
}

fn described(pace: &Pace) -> String {
    match pace {
        Pace::Open(shape) => format!("open, {}", shape.name()),
        Pace::Closed { clients, .. } => format!("closed, {clients} clients"),
    }
}

/// What a terminal shows meanwhile: silence elsewhere.
struct View {
    bar: ProgressBar,
    length: Duration,
    rates: Vec<f64>,
}

impl View {
    fn new(length: Duration) -> View {
        let steps = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {elapsed} elapsed, {eta} left\n{msg}") {
            bar.set_style(style);
        }
        View { bar, length, rates: Vec::new() }
    }

    fn show(&mut self, progress: &Progress<'_>) {
        let latest = progress.latest;
        let ended = latest.succeeded() + latest.failed();
        let rate = ended as f64 / progress.interval.as_secs_f64().max(1e-3);
        self.rates.push(rate);
        let first = self.rates.len().saturating_sub(PLOTTED);
        let mut text = format!("{} /s  {}", shown(rate, "1"), plot(&self.rates[first..]));
        let quantile = |probability| shown(latest.response_ns.value_at_quantile(probability) as f64, "ns");
        // A String takes all that is written to it.
        let _ = write!(
            text,
            "\np50 {}  p95 {}  p99 {}  max {}\n{} under way, {} instances, {} failed, {} dropped",
            quantile(0.5),
            quantile(0.95),
            quantile(0.99),
            quantile(1.0),
            progress.in_flight,
            progress.instances,
            progress.total.failed(),
            progress.dropped
        );
        self.bar.set_message(text);
        let done = progress.elapsed.min(self.length);
        self.bar.set_position(u64::try_from(done.as_millis()).unwrap_or(u64::MAX));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Values as a line of bars, the greatest as the highest.
fn plot(values: &[f64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let greatest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let bar = |value: &f64| BARS[((value / greatest * 7.0).round() as usize).min(7)];
    values.iter().map(bar).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_no_longer_than_its_credential_lasts() {
        let call = HttpCall::to("https://a.test/").with("authorization", "Bearer a");
        let check = |call: &HttpCall, length_s, given: &[String]| {
            outlasts(call, "function1", Duration::from_secs(length_s), &headers(given).unwrap())
        };
        assert!(check(&call, 100_000, &[]).is_ok());
        let call = call.valid_for(Some(Duration::from_millis(3_600_500)));
        assert!(check(&call, 3_600, &[]).is_ok());
        let refused = check(&call, 3_601, &[]);
        assert!(
            matches!(&refused, Err(Failure::Users(error)) if error.to_string().contains("`--for 3600s`")),
            "{refused:?}"
        );
        // The user's own goes in its place.
        assert!(check(&call, 3_601, &["Authorization: Bearer b".to_owned()]).is_ok());
        let refused = check(&call.valid_for(Some(Duration::ZERO)), 1, &[]);
        assert!(matches!(&refused, Err(Failure::Users(error)) if error.to_string().contains("expired")), "{refused:?}");
    }

    #[test]
    fn the_plot_rises_with_its_values() {
        assert_eq!(plot(&[0.0, 1.0, 2.0]), "▁▅█");
        assert_eq!(plot(&[]), "");
        assert_eq!(plot(&[0.0]), "▁");
    }
}
