//! Log lines: templates of `lines.txt`, parsed once, filled in with the values that make real logs
//! hard to search and to compress: ids, addresses, paths, names, times.

use super::Profile;
use super::places::{Instance, Kind};
use super::random::{Random, mix};
use super::wire::Wire;

/// Where in 100,000 lines the rare one comes.
const RARE_EVERY: u64 = 100_000;

const TEMPLATES: &str = include_str!("lines.txt");

const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "ShopApp/8.14.2 (Android 16; Pixel 9; de_DE)",
    "okhttp/5.2.1",
    "curl/8.17.0",
];
const COUNTRIES: [&str; 8] = ["DE", "FR", "NL", "ES", "IT", "PL", "SE", "AT"];
const CURRENCIES: [&str; 3] = ["EUR", "SEK", "PLN"];
const FLAGS: [&str; 5] = [
    "new-checkout",
    "sparse-cart",
    "two-tower-ranking",
    "dark-launch-tax",
    "fast-refunds",
];
const WORDS: [&str; 12] = [
    "oak", "walnut", "linen", "copper", "amber", "granite", "velvet", "cedar", "marble", "wicker",
    "brass", "slate",
];
const GOODS: [&str; 8] = [
    "desk", "lamp", "chair", "shelf", "kettle", "rug", "mirror", "vase",
];
const METHODS: [&str; 6] = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];

/// A level of a line, with its number in OpenTelemetry.
pub(super) const LEVELS: [(&str, u64); 5] = [
    ("DEBUG", 5),
    ("INFO", 9),
    ("WARN", 13),
    ("ERROR", 17),
    ("FATAL", 21),
];

/// A line to be filled in.
#[derive(Debug)]
pub(super) struct Template {
    /// Its place in [`LEVELS`].
    pub(super) level: usize,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    Field(Field),
}

/// Declares the fields with the names that `lines.txt` has for them.
macro_rules! fields {
    ($($name:literal $field:ident,)*) => {
        #[derive(Debug, Clone, Copy)]
        enum Field { $($field,)* Digits(u8), Padded(u8), Hex(u8) }

        impl Field {
            fn named(name: &str) -> Option<Field> {
                let width = |prefix: &str| name.strip_prefix(prefix)?.parse().ok();
                match name {
                    $($name => Some(Field::$field),)*
                    _ => (width("n").map(Field::Digits))
                        .or_else(|| width("padded").map(Field::Padded))
                        .or_else(|| width("hex").map(Field::Hex)),
                }
            }
        }
    };
}

fields! {
    "ts" Time, "clf" CommonTime, "slashts" SlashTime, "commats" CommaTime, "klog" KlogTime, "epochms" EpochMs,
    "ip" Ip, "port" Port, "uuid" Uuid, "trace" Trace, "span" Span, "user" User, "email" Email, "order" Order,
    "sku" Sku, "path" Path, "page" Page, "method" Method, "okstatus" OkStatus, "bytes" Bytes, "ms" Millis,
    "seconds" Seconds, "fraction" Fraction, "amount" Amount, "currency" Currency, "country" Country, "bool" Bool,
    "pid" Pid, "pod" Pod, "node" Node, "agent" Agent, "cache" Cache, "carrier" Carrier, "carriercode" CarrierCode,
    "provider" Provider, "card" Card, "decline" Decline, "flag" Flag, "javastack" JavaStack, "gostack" GoStack,
    "pythonstack" PythonStack, "nodestack" NodeStack,
}

/// The templates that one kind of program uses.
#[derive(Debug)]
pub(super) struct Lines {
    /// By [`Tier`]; each template as often as its weight.
    tiers: [Vec<usize>; 4],
    templates: Vec<Template>,
}

/// How often lines come: everyday ones, warnings, errors, rare ones.
#[derive(Debug, Clone, Copy)]
enum Tier {
    Everyday,
    Warning,
    Error,
    Rare,
}

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) instance: &'a Instance,
    /// Nanoseconds since 1970.
    pub(super) time: u64,
    pub(super) trace: (u64, u64),
    pub(super) span: u64,
    /// How many different users, orders and products there are.
    pub(super) cardinality: u64,
}

impl Lines {
    /// The lines of programs of this kind.
    pub(super) fn of(kind: Kind) -> Lines {
        let (kind, _) = kind.named();
        let mut lines = Lines {
            tiers: Default::default(),
            templates: Vec::new(),
        };
        for line in TEMPLATES.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.splitn(4, ' ');
            let mut word = || words.next().expect("kind, level, weight and line");
            let (of, level, weight, text) = (word(), word(), word(), word());
            if ![kind, "any", "rare"].contains(&of) {
                continue;
            }
            let level = LEVELS.iter().position(|(name, _)| *name == level);
            let level = level.expect("a level of LEVELS");
            let tier = match (of, level) {
                ("rare", _) => Tier::Rare,
                (_, 0 | 1) => Tier::Everyday,
                (_, 2) => Tier::Warning,
                _ => Tier::Error,
            };
            let weight: usize = weight.parse().expect("a weight");
            let number = lines.templates.len();
            lines.tiers[tier as usize].extend(std::iter::repeat_n(number, weight));
            lines.templates.push(Template {
                level,
                pieces: parse(text),
            });
        }
        lines
    }

    /// A template, by the profile's share of errors.
    pub(super) fn pick(&self, profile: &Profile, random: &mut Random) -> &Template {
        let draw = random.unit();
        let tier = match random.below(RARE_EVERY) {
            0 => Tier::Rare,
            _ if draw < profile.errors => Tier::Error,
            _ if draw < 4.0 * profile.errors => Tier::Warning,
            _ => Tier::Everyday,
        };
        &self.templates[random.pick(&self.tiers[tier as usize])]
    }
}

/// Splits a line at its fields. `{` that opens no known field is text (JSON has many).
fn parse(line: &str) -> Vec<Piece> {
    let line = line
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\e", "\u{1b}");
    let (mut pieces, mut text, mut rest) = (Vec::new(), String::new(), &*line);
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        let field = rest[at + 1..]
            .find('}')
            .and_then(|end| Some((Field::named(&rest[at + 1..at + 1 + end])?, end)));
        match field {
            Some((field, end)) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                }
                pieces.push(Piece::Field(field));
                rest = &rest[at + end + 2..];
            }
            None => {
                text.push('{');
                rest = &rest[at + 1..];
            }
        }
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text.into()));
    pieces
}

impl Template {
    /// Appends the line, filled in.
    pub(super) fn write(&self, out: &mut Wire, context: &Context<'_>, random: &mut Random) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.put(text),
                Piece::Field(field) => field.write(out, context, random),
            }
        }
    }
}

impl Field {
    fn write(self, out: &mut Wire, context: &Context<'_>, random: &mut Random) {
        match self {
            Field::Time
            | Field::CommonTime
            | Field::SlashTime
            | Field::CommaTime
            | Field::KlogTime => {
                self.time(out, context.time);
            }
            Field::EpochMs => out.decimal(context.time / 1_000_000),
            Field::JavaStack | Field::GoStack | Field::PythonStack | Field::NodeStack => {
                self.stack(out, random);
            }
            Field::Digits(width) => out.decimal(random.below(10u64.pow(width.into()))),
            Field::Padded(width) => out.padded(random.next(), width.into()),
            Field::Hex(width) => out.hex(random.next(), width.into()),
            Field::Uuid => uuid(out, random.next(), random.next()),
            Field::Trace => {
                out.hex(context.trace.0, 16);
                out.hex(context.trace.1, 16);
            }
            Field::Span => out.hex(context.span, 16),
            Field::User => user(out, random.skewed(context.cardinality)),
            Field::Email => {
                let number = random.skewed(context.cardinality);
                out.put(WORDS[number as usize % WORDS.len()]);
                out.put(".");
                out.decimal(number);
                out.put("@mail.example.com");
            }
            Field::Order => {
                out.put("ORD-2026-");
                out.padded(mix(random.below(context.cardinality * 64)), 9);
            }
            Field::Sku => sku(out, random.skewed(context.cardinality)),
            Field::Path => path(out, random, context.cardinality),
            Field::Pod => out.put(&context.instance.pod),
            Field::Node => out.put(&context.instance.node),
            Field::Page => {
                out.put("/p/");
                sku(out, random.skewed(context.cardinality));
            }
            _ => self.small(out, random),
        }
    }

    /// Values that need only a few bits of chance.
    fn small(self, out: &mut Wire, random: &mut Random) {
        match self {
            Field::Ip => {
                out.put("10.");
                let host = random.skewed(1 << 14);
                out.decimal(host >> 12);
                out.put(".");
                out.decimal(host >> 8 & 15);
                out.put(".");
                out.decimal(host & 255);
            }
            Field::Port => out.decimal(30_000 + random.below(30_000)),
            Field::Pid => out.decimal(1 + random.skewed(40)),
            Field::Bytes => out.decimal(random.skewed(200_000)),
            Field::OkStatus => out.decimal(random.pick(&[200, 200, 200, 200, 201, 204, 304, 404])),
            Field::Millis => {
                let micros = random.nanoseconds(12_000.0);
                out.decimal(micros / 1_000);
                out.put(".");
                out.padded(micros % 1_000, 3);
            }
            Field::Seconds => {
                let millis = random.nanoseconds(40.0);
                out.decimal(millis / 1_000);
                out.put(".");
                out.padded(millis % 1_000, 3);
            }
            Field::Fraction => {
                out.put("0.");
                out.padded(random.next(), 6);
            }
            Field::Amount => {
                out.decimal(1 + random.skewed(900));
                out.put(".");
                out.padded(random.next(), 2);
            }
            Field::Method => out.put(random.pick(&METHODS)),
            Field::Currency => out.put(random.pick(&CURRENCIES)),
            Field::Country => out.put(random.pick(&COUNTRIES)),
            Field::Agent => out.put(random.pick(&AGENTS)),
            Field::Flag => out.put(random.pick(&FLAGS)),
            Field::Bool => out.put(random.pick(&["true", "false"])),
            Field::Cache => out.put(random.pick(&["HIT", "HIT", "MISS", "EXPIRED", "BYPASS"])),
            Field::Carrier => out.put(random.pick(&["DHL", "UPS", "GLS", "PostNord"])),
            Field::CarrierCode => out.put(random.pick(&["JD", "1Z", "RR", "LX"])),
            Field::Provider => out.put(random.pick(&["adyen", "stripe", "klarna"])),
            Field::Card => out.put(random.pick(&["visa", "mastercard", "amex"])),
            Field::Decline => {
                out.put(random.pick(&[
                    "insufficient_funds",
                    "expired_card",
                    "do_not_honor",
                    "lost_card",
                ]));
            }
            // `write` has taken the others.
            _ => {}
        }
    }

    fn time(self, out: &mut Wire, nanoseconds: u64) {
        let seconds = nanoseconds / 1_000_000_000;
        let (year, month, day) = date(seconds / 86_400);
        let clock = |out: &mut Wire| {
            for (unit, after) in [(3_600, ":"), (60, ":"), (1, "")] {
                out.padded(
                    seconds % 86_400 / unit % if unit == 3_600 { 24 } else { 60 },
                    2,
                );
                out.put(after);
            }
        };
        let mut days = |marks: [&str; 3]| {
            out.decimal(year);
            out.put(marks[0]);
            out.padded(month, 2);
            out.put(marks[1]);
            out.padded(day, 2);
            out.put(marks[2]);
            clock(out);
        };
        match self {
            Field::CommonTime => {
                const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
                out.padded(day, 2);
                out.put("/");
                let at = (month as usize - 1) * 3;
                out.put(&MONTHS[at..at + 3]);
                out.put("/");
                out.decimal(year);
                out.put(":");
                clock(out);
                out.put(" +0000");
            }
            Field::SlashTime => days(["/", "/", " "]),
            Field::KlogTime => {
                out.padded(month, 2);
                out.padded(day, 2);
                out.put(" ");
                clock(out);
                out.put(".");
                out.padded(nanoseconds / 1_000, 6);
            }
            Field::CommaTime => {
                days(["-", "-", " "]);
                out.put(",");
                out.padded(nanoseconds / 1_000_000, 3);
            }
            _ => {
                days(["-", "-", "T"]);
                out.put(".");
                out.padded(nanoseconds / 1_000_000, 3);
                out.put("Z");
            }
        }
    }

    /// A stack trace of a few to a few dozen frames.
    fn stack(self, out: &mut Wire, random: &mut Random) {
        const CALLS: [(&str, &str); 10] = [
            ("checkout", "OrderService.placeOrder"),
            ("checkout", "PaymentClient.authorize"),
            ("checkout", "RetryTemplate.doExecute"),
            ("orders", "OrderRepository.findByCustomer"),
            ("orders", "TransactionInterceptor.invoke"),
            ("web", "DispatcherServlet.doDispatch"),
            ("web", "FilterChain.internalDoFilter"),
            ("http", "RequestExecutor.execute"),
            ("pool", "ConnectionPool.borrow"),
            ("codec", "JsonDecoder.readValue"),
        ];
        out.put(match self {
            Field::JavaStack => "java.net.SocketTimeoutException: Read timed out",
            Field::PythonStack => "Traceback (most recent call last):",
            Field::NodeStack => "TokenExpiredError: jwt expired",
            _ => "main.(*server).handle(0x0)",
        });
        for _ in 0..4 + random.skewed(24) {
            let (package, call) = random.pick(&CALLS);
            let (class, method) = call.split_once('.').unwrap_or((call, "run"));
            out.put(match self {
                Field::JavaStack => "\n\tat com.shop.",
                Field::PythonStack => "\n  File \"/app/",
                Field::NodeStack => "\\n    at ",
                _ => "\ngithub.com/shop/",
            });
            out.put(package);
            out.put(match self {
                Field::PythonStack | Field::GoStack => "/",
                _ => ".",
            });
            out.put(class);
            out.put(match self {
                Field::PythonStack => ".py\", line ",
                _ => ".",
            });
            if !matches!(self, Field::PythonStack) {
                out.put(method);
                out.put("(");
                out.put(class);
                out.put(match self {
                    Field::JavaStack => ".java:",
                    Field::NodeStack => ".js:",
                    _ => ".go:",
                });
            }
            out.decimal(10 + random.below(900));
            match self {
                Field::PythonStack => {
                    out.put(", in ");
                    out.put(method);
                }
                _ => out.put(")"),
            }
        }
        if matches!(self, Field::PythonStack) {
            out.put("\nTimeoutError: model server did not answer within 250 ms");
        }
    }
}

/// A version 4 UUID of two random numbers.
pub(super) fn uuid(out: &mut Wire, high: u64, low: u64) {
    for (value, width, before) in [
        (high >> 32, 8, ""),
        (high >> 16, 4, "-"),
        (high & 0xfff | 0x4000, 4, "-"),
        (low >> 48 & 0x3fff | 0x8000, 4, "-"),
        (low, 12, "-"),
    ] {
        out.put(before);
        out.hex(value, width);
    }
}

/// The name of user number `number`.
pub(super) fn user(out: &mut Wire, number: u64) {
    out.put("u-");
    out.padded(mix(number) % 90_000_000 + 10_000_000, 8);
}

/// The article number of product `number`.
pub(super) fn sku(out: &mut Wire, number: u64) {
    let at = |shift: u64, of: usize| (number >> shift) as usize % of;
    out.put(WORDS[at(0, WORDS.len())]);
    out.put("-");
    out.put(GOODS[at(2, GOODS.len())]);
    out.put("-");
    out.decimal(number);
}

/// A path of the shop with an id in it.
pub(super) fn path(out: &mut Wire, random: &mut Random, cardinality: u64) {
    match random.below(5) {
        0 => {
            out.put("/api/v2/products/");
            sku(out, random.skewed(cardinality));
        }
        1 => {
            out.put("/api/v2/users/");
            user(out, random.skewed(cardinality));
            out.put("/orders");
        }
        2 => {
            out.put("/api/v2/carts/");
            uuid(out, random.next(), random.next());
            out.put("/items");
        }
        3 => {
            out.put("/static/js/app.");
            out.hex(mix(random.below(40)), 8);
            out.put(".js");
        }
        _ => {
            out.put("/search?q=");
            out.put(random.pick(&WORDS));
            out.put("+");
            out.put(random.pick(&GOODS));
            out.put("&page=");
            out.decimal(1 + random.skewed(9));
        }
    }
}

/// Year, month and day of a day since 1970 (the civil calendar by eras of 400 years).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (era * 400 + year + u64::from(month <= 2), month, day)
}
