//! No network: the imports are there, as the standard library of many languages asks for them, and refuse.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::{self};
use wasmtime_wasi::p2::{TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView as _};

use super::state::State;

/// The interfaces by which a guest would begin, as this version of wasmtime-wasi names them.
const TCP_INTERFACE: &str = "wasi:sockets/tcp-create-socket@0.2.12";
const UDP_INTERFACE: &str = "wasi:sockets/udp-create-socket@0.2.12";
const NAMES_INTERFACE: &str = "wasi:sockets/ip-name-lookup@0.2.12";

/// Adds the sockets' interfaces, in which every way to get a socket or an address refuses and writes it down.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let options = bindings::sync::LinkOptions::default();
    bindings::sync::sockets::tcp::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    bindings::sync::sockets::udp::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    bindings::sync::sockets::udp_create_socket::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    bindings::sockets::tcp_create_socket::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    bindings::sockets::instance_network::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;
    bindings::sockets::network::add_to_linker::<State, WasiSockets>(linker, &(&options).into(), State::sockets)?;
    bindings::sockets::ip_name_lookup::add_to_linker::<State, WasiSockets>(linker, State::sockets)?;

    linker.allow_shadowing(true);
    linker.instance(TCP_INTERFACE)?.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<'_, State>, (_,): (IpAddressFamily,)| {
            store.data_mut().network_refused = true;
            Ok((Err::<Resource<TcpSocket>, _>(ErrorCode::AccessDenied),))
        },
    )?;
    linker.instance(UDP_INTERFACE)?.func_wrap(
        "create-udp-socket",
        |mut store: StoreContextMut<'_, State>, (_,): (IpAddressFamily,)| {
            store.data_mut().network_refused = true;
            Ok((Err::<Resource<UdpSocket>, _>(ErrorCode::AccessDenied),))
        },
    )?;
    linker.instance(NAMES_INTERFACE)?.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, State>, (_, _): (Resource<Network>, String)| {
            store.data_mut().network_refused = true;
            Ok((Err::<Resource<bindings::sockets::ip_name_lookup::ResolveAddressStream>, _>(ErrorCode::AccessDenied),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
