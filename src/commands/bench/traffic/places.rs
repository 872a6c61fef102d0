//! Where traffic comes from: services with their instances, as resources of OpenTelemetry.

use super::Profile;
use super::random::{Random, mix};
use super::wire::Wire;

/// Services of the imagined shop, with the kind of program that each is. More are numbered.
const SERVICES: [(&str, Kind); 16] = [
    ("storefront-gateway", Kind::Nginx),
    ("checkout", Kind::Java),
    ("catalog", Kind::Go),
    ("orders", Kind::Java),
    ("payment", Kind::Go),
    ("cart", Kind::Node),
    ("recommendation", Kind::Python),
    ("inventory", Kind::Go),
    ("shipping", Kind::Java),
    ("identity", Kind::Node),
    ("search", Kind::Java),
    ("orders-db", Kind::Postgres),
    ("notification", Kind::Python),
    ("fraud-check", Kind::Python),
    ("edge-cache", Kind::Nginx),
    ("kubelet", Kind::Kubernetes),
];

/// What kind of program a service is: how its lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Java,
    Go,
    Python,
    Node,
    Postgres,
    Kubernetes,
}

impl Kind {
    /// As `lines.txt` has it, and the SDK's language.
    pub(super) fn named(self) -> (&'static str, &'static str) {
        match self {
            Kind::Nginx => ("nginx", "cpp"),
            Kind::Java => ("java", "java"),
            Kind::Go => ("go", "go"),
            Kind::Python => ("python", "python"),
            Kind::Node => ("node", "nodejs"),
            Kind::Postgres => ("postgres", "cpp"),
            Kind::Kubernetes => ("kubernetes", "go"),
        }
    }
}

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) instances: Vec<Instance>,
}

/// A process of a service.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) pod: String,
    pub(super) node: String,
    /// The encoded Resource.
    pub(super) resource: Vec<u8>,
}

impl Service {
    /// The services of a profile.
    pub(super) fn all(profile: &Profile) -> Vec<Service> {
        let one = |number: usize| {
            let (name, kind) = SERVICES[number % SERVICES.len()];
            let name = match number / SERVICES.len() {
                0 => name.to_owned(),
                round => format!("{name}-{}", round + 1),
            };
            let instances = (0..u64::from(profile.instances))
                .map(|instance| Instance::new(profile.seed, &name, kind, instance))
                .collect();
            Service {
                name,
                kind,
                instances,
            }
        };
        (0..usize::from(profile.services)).map(one).collect()
    }

    /// One of its processes.
    pub(super) fn instance(&self, random: &mut Random) -> &Instance {
        &self.instances[random.below(self.instances.len() as u64) as usize]
    }
}

impl Instance {
    fn new(seed: u64, service: &str, kind: Kind, number: u64) -> Instance {
        let of_name = service
            .bytes()
            .fold(seed, |hash, byte| mix(hash ^ u64::from(byte)));
        let id = mix(of_name ^ number);
        let pod = format!("{service}-{:08x}-{:05x}", of_name as u32, id & 0xf_ffff);
        let node = format!("node-{:02}", id % 24);
        let (_, language) = kind.named();
        let version = format!("{}.{}.{}", 1 + of_name % 4, of_name % 31, of_name % 7);
        let instance = format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            id as u32,
            (id >> 32) & 0xffff,
            id >> 52,
            of_name & 0xfff,
            of_name >> 16
        );
        let mut wire = Wire::default();
        for (key, value) in [
            ("service.name", service),
            ("service.namespace", "shop"),
            ("service.version", &version),
            ("service.instance.id", &instance),
            ("deployment.environment.name", "production"),
            ("host.name", &node),
            ("k8s.cluster.name", "eu-west-1a"),
            ("k8s.namespace.name", "shop"),
            ("k8s.deployment.name", service),
            ("k8s.node.name", &node),
            ("k8s.pod.name", &pod),
            ("container.image.name", service),
            ("telemetry.sdk.name", "opentelemetry"),
            ("telemetry.sdk.language", language),
            ("telemetry.sdk.version", "1.45.0"),
        ] {
            wire.text(1, key, value);
        }
        wire.number(1, "process.pid", 1 + id % 4_000);
        Instance {
            pod,
            node,
            resource: wire.0,
        }
    }
}

/// Wraps records (already written, each with its field number) in scope and resource.
pub(super) fn group(request: &mut Wire, instance: &Instance, scope: &str, records: &[u8]) {
    request.message(1, |group| {
        group.bytes(1, &instance.resource);
        group.message(2, |scoped| {
            scoped.message(1, |wire| {
                wire.bytes(1, scope.as_bytes());
                wire.bytes(2, b"2.4.1");
            });
            scoped.0.extend_from_slice(records);
        });
    });
}
