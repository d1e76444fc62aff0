//! Options from `latlas.toml` and from variables named `LATLAS_*`, the later of file, variable and flag winning.
//!
//! Every long option of a verb may stand there: what they say is put on the command line where the user did not, and
//! clap reads it, so that a value is checked once and in one way.
//!
//! ```toml
//! threads = 2               # LATLAS_THREADS=2
//! [learn.word2vec]
//! dim = 200                 # LATLAS_LEARN_WORD2VEC_DIM=200
//! set = { window = 8 }      # LATLAS_LEARN_WORD2VEC_SET=window=8
//! ```

use std::ffi::OsString;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};
use latlas::{Error, Result};
use toml::{Table, Value};

use crate::args::Cli;
use crate::output::Refusal;
use crate::settings::{advice, closest};

/// What cannot be given but on the command line.
const FLAGS_ONLY: &[&str] = &["help", "version", "config", "output"];

/// The command line, completed by the config file and the variables.
pub(crate) fn settle(words: &[OsString]) -> Result<Cli, Refusal> {
    let clap = |error| Refusal::Clap(Box::new(error));
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words).map_err(clap)?;
    let (path, leaf, given) = chosen(&command, &matches);

    let mut settings = from_file(&command, &path, given).map_err(Refusal::Ours)?;
    let variables = from_variables(&command, &path, leaf).map_err(Refusal::Ours)?;
    settings.retain(|of_file| !variables.iter().any(|variable| variable.overrules(of_file)));
    settings.extend(variables);
    let settings: Vec<Setting> =
        settings.into_iter().filter(|s| !on_command_line(given, s)).collect();
    if settings.is_empty() {
        return Cli::from_arg_matches(&matches).map_err(clap);
    }
    let all: Vec<&str> = settings.iter().map(|s| s.word.as_str()).collect();
    match command
        .try_get_matches_from_mut(with(words, &all))
        .and_then(|matches| Cli::from_arg_matches(&matches))
    {
        Ok(call) => Ok(call),
        // The words alone were fine, so one of the settings is not: name its place.
        Err(error) => {
            let guilty = settings
                .iter()
                .find(|s| command.try_get_matches_from_mut(with(words, &[&s.word])).is_err());
            Err(match guilty {
                Some(setting) => {
                    let text = error.render().to_string();
                    let line = text
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .trim_start_matches("error: ")
                        .to_owned();
                    Refusal::Ours(Error::usage(line).context(&setting.place))
                }
                None => clap(error),
            })
        }
    }
}

/// An option from elsewhere, as the word that would stand on the command line.
struct Setting {
    name: String,
    word: String,
    place: String,
}

impl Setting {
    /// Whether this one stands in the place of an earlier one. Several `--set` live side by side, one a key.
    fn overrules(&self, earlier: &Setting) -> bool {
        self.name == earlier.name && (self.name != "set" || self.key() == earlier.key())
    }

    /// The key of a `--set key=value`.
    fn key(&self) -> Option<&str> {
        set_key(self.word.strip_prefix("--set=")?)
    }
}

fn set_key(change: &str) -> Option<&str> {
    change.split('=').next().map(str::trim)
}

/// The verb that was called: its words, its command and what was given to it.
fn chosen<'a>(
    command: &'a Command,
    matches: &'a ArgMatches,
) -> (Vec<&'a str>, &'a Command, &'a ArgMatches) {
    let (mut path, mut leaf, mut given) = (Vec::new(), command, matches);
    while let Some((name, below)) = given.subcommand() {
        let Some(next) = leaf.find_subcommand(name) else { break };
        path.push(name);
        (leaf, given) = (next, below);
    }
    (path, leaf, given)
}

fn on_command_line(given: &ArgMatches, setting: &Setting) -> bool {
    let id = setting.name.replace('-', "_");
    let there = given.try_contains_id(&id).is_ok()
        && given.value_source(&id) == Some(ValueSource::CommandLine);
    if there && id == "set" {
        let mut changes = given.get_many::<String>("set").into_iter().flatten();
        return changes.any(|change| set_key(change) == setting.key());
    }
    there
}

/// The words with these options: before a `--`, behind which all is input.
fn with(words: &[OsString], options: &[&str]) -> Vec<OsString> {
    let at = words.iter().position(|w| w == "--").unwrap_or(words.len());
    let mut all = words[..at].to_vec();
    all.extend(options.iter().map(OsString::from));
    all.extend_from_slice(&words[at..]);
    all
}

fn from_file(command: &Command, path: &[&str], given: &ArgMatches) -> Result<Vec<Setting>> {
    let named = given.get_one::<std::path::PathBuf>("config").cloned();
    let named = named
        .or_else(|| std::env::var_os("LATLAS_CONFIG").filter(|v| !v.is_empty()).map(Into::into));
    let file = named.clone().unwrap_or_else(|| "latlas.toml".into());
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e) if named.is_none() && e.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(Error::io("read", &file, &e)),
    };
    let table: Table = text.parse().map_err(|e: toml::de::Error| {
        let line =
            e.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        Error::data(format!("{}, line {line}: {}", file.display(), e.message()))
    })?;
    let mut settings = Vec::new();
    read_table(&file, &table, command, &[], path, &mut settings)?;
    Ok(settings)
}

/// Checks a table of the file against the command of its name, and keeps what concerns the called verb.
fn read_table(
    file: &Path,
    table: &Table,
    command: &Command,
    at: &[&str],
    called: &[&str],
    out: &mut Vec<Setting>,
) -> Result<()> {
    let section = if at.is_empty() { String::new() } else { format!(" [{}]", at.join(".")) };
    for (key, value) in table {
        let place = format!("{}{section} {key}", file.display());
        if let Some(option) = option(command, key) {
            if called.starts_with(at) {
                words(option, key, value, &place, out)?;
            }
            continue;
        }
        if let (Some(below), Value::Table(inner)) = (command.find_subcommand(key), value) {
            let at: Vec<&str> = at.iter().copied().chain([key.as_str()]).collect();
            read_table(file, inner, below, &at, called, out)?;
        } else {
            let names: Vec<&str> =
                options(command).map(|(name, _)| name).chain(verbs(command)).collect();
            return Err(Error::data(format!(
                "{}{section}: there is no option '{key}'",
                file.display()
            ))
            .help(advice(key, &names)));
        }
    }
    Ok(())
}

/// A value of the file as words: `true` is a bare flag, a list repeats the option, a table is `--set`'s.
fn words(
    option: &Arg,
    key: &str,
    value: &Value,
    place: &str,
    out: &mut Vec<Setting>,
) -> Result<()> {
    let mut push =
        |word: String| out.push(Setting { name: key.to_owned(), word, place: place.to_owned() });
    match value {
        Value::Boolean(on) if !option.get_action().takes_values() => {
            if *on {
                push(format!("--{key}"));
            }
        }
        Value::Array(values) => {
            for value in values {
                push(format!("--{key}={}", plain(value, place)?));
            }
        }
        Value::Table(table) if key == "set" => {
            for (name, value) in table {
                push(format!("--{key}={name}={}", plain(value, place)?));
            }
        }
        value => push(format!("--{key}={}", plain(value, place)?)),
    }
    Ok(())
}

fn plain(value: &Value, place: &str) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(n) => Ok(n.to_string()),
        Value::Float(x) => Ok(x.to_string()),
        Value::Boolean(on) => Ok(on.to_string()),
        other => {
            Err(Error::data(format!("{place}: a {} is no value of an option", other.type_str())))
        }
    }
}

/// `LATLAS_SEED` for an option that all verbs have, `LATLAS_SEARCH_K` for one of the called verb.
fn from_variables(command: &Command, path: &[&str], leaf: &Command) -> Result<Vec<Setting>> {
    let mut settings = Vec::new();
    let prefix = format!("LATLAS_{}_", path.join("_"));
    let mut read = |prefix: &str, name: &str, option: &Arg| -> Result<()> {
        let variable = variable(prefix, name);
        let Some(value) = std::env::var_os(&variable).filter(|v| !v.is_empty()) else {
            return Ok(());
        };
        let value = value
            .into_string()
            .map_err(|_| Error::usage(format!("{variable}: not valid UTF-8")))?;
        let word = match (option.get_action().takes_values(), value.as_str()) {
            (true, value) => format!("--{name}={value}"),
            (false, "1" | "true" | "yes") => format!("--{name}"),
            (false, "0" | "false" | "no") => return Ok(()),
            (false, _) => {
                return Err(Error::usage(format!(
                    "{variable}={value}: a flag is either true or false"
                )));
            }
        };
        settings.push(Setting { name: name.to_owned(), word, place: variable });
        Ok(())
    };
    let global: Vec<&str> = options(command).map(|(name, _)| name).collect();
    for (name, option) in options(command) {
        read("LATLAS_", name, option)?;
    }
    for (name, option) in options(leaf).filter(|(name, _)| !global.contains(name)) {
        read(&prefix, name, option)?;
    }
    unknown_variables(command, &global)?;
    Ok(settings)
}

/// A variable that is nearly one of ours is a slip of the pen; others may be for programs around this one.
fn unknown_variables(command: &Command, global: &[&str]) -> Result<()> {
    let mut known: Vec<String> = global.iter().map(|name| variable("LATLAS_", name)).collect();
    known.extend(["LATLAS_CONFIG".to_owned(), "LATLAS_DATA".to_owned()]);
    let mut commands: Vec<(String, &Command)> =
        command.get_subcommands().map(|c| (format!("LATLAS_{}_", c.get_name()), c)).collect();
    while let Some((prefix, command)) = commands.pop() {
        known.extend(options(command).map(|(name, _)| variable(&prefix, name)));
        commands
            .extend(command.get_subcommands().map(|c| (format!("{prefix}{}_", c.get_name()), c)));
    }
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("LATLAS_")) else { continue };
        if !known.iter().any(|k| k == name)
            && let Some(near) = closest(name, known.iter().map(String::as_str))
                .filter(|near| strsim::levenshtein(near, name) <= 2)
        {
            return Err(Error::usage(format!("{name}: no option goes by this variable"))
                .help(format!("did you mean {near}?")));
        }
    }
    Ok(())
}

fn variable(prefix: &str, name: &str) -> String {
    format!("{prefix}{name}").to_uppercase().replace('-', "_")
}

fn option<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    options(command).find(|(long, _)| *long == name).map(|(_, option)| option)
}

fn options(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    command
        .get_arguments()
        .filter_map(|arg| Some((arg.get_long()?, arg)))
        .filter(|(name, _)| !FLAGS_ONLY.contains(name))
}

fn verbs(command: &Command) -> impl Iterator<Item = &str> {
    command.get_subcommands().map(Command::get_name)
}
