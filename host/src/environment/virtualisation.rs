//! Signs of a virtual machine and of a container.

use std::path::Path;

use super::collect::cpuinfo_values;
use super::fact::{Fact, text};
use super::types::VirtualisationFacts;

pub(super) fn collect(root: &Path, cpuinfo: &Fact<String>) -> VirtualisationFacts {
    let flagged = cpuinfo.get().and_then(|text| {
        let flags = cpuinfo_values(text, "flags");
        flags.first().map(|flags| flags.split_ascii_whitespace().any(|flag| flag == "hypervisor"))
    });
    // Paravirtualised Xen sets no flag and has this file.
    let xen = text(&root.join("sys/hypervisor/type")).value;
    let reason = cpuinfo.absent_reason.as_deref().unwrap_or("/proc/cpuinfo names no flags");
    let virtual_machine = Fact::or_absent(flagged.map(|flag| flag || xen.is_some()), reason);
    let hypervisor = match (virtual_machine.value, xen) {
        (Some(false), _) => Fact::absent("there is none"),
        (_, Some(name)) => Fact::known(name),
        (_, None) => Fact::or_absent(signature(), "the processor doesn't name it"),
    };
    let firmware = root.join("sys/class/dmi/id");
    let names: Vec<String> =
        ["sys_vendor", "product_name"].iter().filter_map(|file| text(&firmware.join(file)).value).collect();
    VirtualisationFacts {
        virtual_machine,
        hypervisor,
        product: Fact::or_absent(
            (!names.is_empty()).then(|| names.join(" ")),
            "the firmware gives no names (/sys/class/dmi/id)",
        ),
        container: Fact::known(container(root).unwrap_or_else(|| "none".to_owned())),
    }
}

/// What the hypervisor calls itself in the processor's identification (leaf 40000000h).
#[cfg(target_arch = "x86_64")]
fn signature() -> Option<String> {
    use std::arch::x86_64::__cpuid;
    // Bit 31 of ECX of leaf 1: a hypervisor is there, and then this leaf exists.
    if __cpuid(1).ecx & (1 << 31) == 0 {
        return None;
    }
    let leaf = __cpuid(0x4000_0000);
    let bytes: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx].into_iter().flat_map(u32::to_le_bytes).collect();
    let name = String::from_utf8_lossy(&bytes).trim_matches(['\0', ' ']).to_owned();
    let known = match name.as_str() {
        "KVMKVMKVM" => "KVM",
        "VMwareVMware" => "VMware",
        "Microsoft Hv" => "Hyper-V",
        "XenVMMXenVMM" => "Xen",
        "TCGTCGTCGTCG" => "QEMU (emulated)",
        "bhyve bhyve" => "bhyve",
        other => other,
    };
    (!known.is_empty()).then(|| known.to_owned())
}

#[cfg(not(target_arch = "x86_64"))]
fn signature() -> Option<String> {
    None
}

fn container(root: &Path) -> Option<String> {
    if let Some(kind) = text(&root.join("run/systemd/container")).value.filter(|kind| !kind.is_empty()) {
        return Some(kind);
    }
    let signs =
        [(".dockerenv", "docker"), ("run/.containerenv", "podman"), ("var/run/secrets/kubernetes.io", "kubernetes")];
    signs.iter().find(|(path, _)| root.join(path).exists()).map(|(_, kind)| (*kind).to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn flags_and_files_are_signs() {
        let root = tempfile::tempdir().unwrap();
        let found = collect(root.path(), &Fact::known("flags\t: fpu\n".into()));
        assert_eq!((found.virtual_machine.value, found.container.value.as_deref()), (Some(false), Some("none")));
        assert_eq!(found.hypervisor.absent_reason.as_deref(), Some("there is none"));
        std::fs::write(root.path().join(".dockerenv"), "").unwrap();
        std::fs::create_dir_all(root.path().join("sys/hypervisor")).unwrap();
        std::fs::write(root.path().join("sys/hypervisor/type"), "xen\n").unwrap();
        let found = collect(root.path(), &Fact::known("flags\t: fpu\n".into()));
        assert_eq!(found.virtual_machine.value, Some(true));
        assert_eq!(found.hypervisor.value.as_deref(), Some("xen"));
        assert_eq!(found.container.value.as_deref(), Some("docker"));
        let unknown = collect(root.path(), &Fact::absent("unreadable"));
        assert_eq!(unknown.virtual_machine.absent_reason.as_deref(), Some("unreadable"));
    }
}
