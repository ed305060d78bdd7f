//! Statements.

use rust_hdl::core::ast::{
    VerilogBlockOrConditional, VerilogConditional, VerilogExpression, VerilogLink, VerilogLoop, VerilogMatch,
    VerilogStatement,
};

use super::error::{FrontError, Reason, Stop};
use super::flow::Flow;
use super::names::{self, Loops};
use super::nets::{NetId, Nets};
use super::probe::Role;
use super::value::{Value, literal};
use crate::ir::{E, Switch, When, switch, when};

type Res<T> = Result<T, Stop>;

/// More rounds than this are taken for a mistake.
const MAX_ROUNDS: u128 = 1 << 16;

/// A kernel that is put into the module under construction.
pub(super) struct Kernel {
    pub nets: Nets,
    pub flow: Flow,
    pub loops: Loops,
    /// Number of conditionals around the statement.
    depth: usize,
    /// Registers that are assigned something: the others hold for ever.
    changed: Vec<bool>,
}

impl Kernel {
    pub fn new(nets: Nets) -> Self {
        let changed = vec![false; nets.iter().count()];
        Kernel { nets, flow: Flow::default(), loops: Loops::default(), depth: 0, changed }
    }

    pub fn block(&mut self, block: &[VerilogStatement]) -> Res<()> {
        block.iter().try_for_each(|s| self.statement(s))
    }

    /// The checks when all statements are there: everything that this block drives is driven in every case.
    pub fn finish(self) -> Res<()> {
        for (id, net) in self.nets.iter() {
            let reason = match (net.role, net.write) {
                (Role::Data, Some(_)) if !self.flow.written(id) => Reason::NeverAssigned,
                (Role::Data, Some(_)) if !self.flow.complete(id) => Reason::Latch,
                (Role::Clock | Role::Reset, _) if !net.connected => Reason::ClockOrReset("not connected"),
                _ => {
                    if let (Some(var), Some(_), false) = (net.write, net.state, self.changed[id]) {
                        var.set(var);
                    }
                    continue;
                }
            };
            return Err(FrontError { block: String::new(), signal: net.name(), reason }.into());
        }
        Ok(())
    }

    fn statement(&mut self, s: &VerilogStatement) -> Res<()> {
        match s {
            VerilogStatement::Assignment(to, value) => {
                let path = self.target(to)?;
                let from = |k: &mut Self, w: usize| Ok(k.expr(value)?.of_width(w)?);
                self.assign(&path, self.signal_path(value), from).map_err(at(&path))
            }
            VerilogStatement::SliceAssignment { base, width, offset, replacement } => {
                let path = self.target(base)?;
                self.assign_part(&path, *width, offset, replacement).map_err(at(&path))
            }
            VerilogStatement::If(c) => self.conditional(c),
            VerilogStatement::Match(m) => self.choice(m),
            VerilogStatement::Loop(l) => self.rounds(l),
            VerilogStatement::Macro(block) => self.block(block),
            VerilogStatement::Link(links) => links.iter().try_for_each(|l| self.link(l)),
            // rust-hdl makes a comment of `assert!`.
            VerilogStatement::Comment(text) if text.replace(' ', "").starts_with("assert!") => {
                Err(Reason::Unsupported("an assertion in a kernel").into())
            }
            VerilogStatement::Comment(_) => Ok(()),
        }
    }

    /// The path of what is assigned.
    fn target(&self, e: &VerilogExpression) -> Res<String> {
        match e {
            VerilogExpression::Signal(name) => {
                let name = name.strip_suffix("$next").unwrap_or(name);
                Ok(names::path(name, &self.loops)?)
            }
            VerilogExpression::Paren(e) => self.target(e),
            _ => Err(Reason::Unsupported("an assignment to an expression").into()),
        }
    }

    /// The signal that an expression is, when it is nothing but a signal.
    fn signal_path(&self, e: &VerilogExpression) -> Option<NetId> {
        match e {
            VerilogExpression::Signal(name) => self.nets.find(&names::path(name, &self.loops).ok()?),
            VerilogExpression::Paren(e) => self.signal_path(e),
            _ => None,
        }
    }

    fn net(&self, path: &str) -> Res<NetId> {
        let unknown = || Reason::UnknownName(path.replace('$', "."));
        Ok(self.nets.find(path).ok_or_else(unknown)?)
    }

    /// Assigns a whole signal. `from` gives the value, in the width it is asked for; `source` is the signal that it is.
    fn assign(&mut self, path: &str, source: Option<NetId>, from: impl FnOnce(&mut Self, usize) -> Res<E>) -> Res<()> {
        let id = self.net(path)?;
        let (w, role, state) = (self.nets[id].w, self.nets[id].role, self.nets[id].state);
        if role != Role::Data {
            return self.hand_on(id, source);
        }
        let Some(var) = self.nets[id].write else {
            return Err(Reason::Direction("is not driven by this block").into());
        };
        let holds = state.is_some() && state == source && !self.flow.written(id);
        let value = from(self, w)?;
        self.flow.write(id, w, 0, w, &path.replace('$', "."))?;
        if !holds {
            self.changed[id] = true;
            var.set(value);
        }
        Ok(())
    }

    /// Connects a clock or reset.
    fn hand_on(&mut self, id: NetId, source: Option<NetId>) -> Res<()> {
        let same = source.is_some_and(|s| self.nets[s].role == self.nets[id].role && self.nets[s].connected);
        let reason = if !same {
            "is not connected to the clock or reset of this block"
        } else if self.depth > 0 {
            "is connected inside a conditional"
        } else if self.nets[id].connected {
            "is connected twice, or driven elsewhere"
        } else {
            self.nets.connect(id);
            return Ok(());
        };
        Err(Reason::ClockOrReset(reason).into())
    }

    fn assign_part(
        &mut self,
        path: &str,
        part: usize,
        offset: &VerilogExpression,
        value: &VerilogExpression,
    ) -> Res<()> {
        let id = self.net(path)?;
        let w = self.nets[id].w;
        let (Role::Data, Some(var)) = (self.nets[id].role, self.nets[id].write) else {
            return Err(Reason::Direction("is not driven by this block").into());
        };
        let Value::Int(lsb) = self.expr(offset)? else {
            return Err(Reason::Unsupported("an assignment to bits that a signal chooses").into());
        };
        if part == 0 || lsb + part as u128 > w as u128 {
            return Err(Reason::PastEnd { index: lsb + part as u128, w }.into());
        }
        let value = self.expr(value)?.of_width(part)?;
        self.flow.write(id, w, lsb as usize, part, &path.replace('$', "."))?;
        self.changed[id] = true;
        var.set_slice(lsb as usize, value);
        Ok(())
    }

    /// Both sides of a link, and the direction in which it drives.
    fn link(&mut self, link: &VerilogLink) -> Res<()> {
        let (details, forward) = match link {
            VerilogLink::Forward(d) => (d, true),
            VerilogLink::Backward(d) => (d, false),
            VerilogLink::Bidirectional(_) => return Err(Reason::Unsupported("a link of an InOut signal").into()),
        };
        let end = |name: &str| names::path(&format!("{name}{}", details.my_name), &self.loops);
        let (owner, other) = (end(&details.owner_name)?, end(&details.other_name)?);
        let (to, from) = if forward { (other, owner) } else { (owner, other) };
        let source = VerilogExpression::Signal(from);
        let value = |k: &mut Self, w: usize| Ok(k.expr(&source)?.of_width(w)?);
        self.assign(&to, self.signal_path(&source), value).map_err(at(&to))
    }

    /// Runs `f` for the statements of a branch that begins with `from`, and returns the state at its end.
    fn branch(&mut self, from: &Flow, block: &[VerilogStatement]) -> Res<Flow> {
        let outer = std::mem::replace(&mut self.flow, from.clone());
        self.depth += 1;
        let done = self.block(block);
        self.depth -= 1;
        let end = std::mem::replace(&mut self.flow, outer);
        done.map(|()| end)
    }

    fn condition(&mut self, e: &VerilogExpression) -> Res<E> {
        Ok(self.expr(e)?.of_width(1)?)
    }

    /// An `if` with its `else if`s and `else`.
    fn conditional(&mut self, c: &VerilogConditional) -> Res<()> {
        let (mut c, mut ends) = (c, Vec::new());
        let mut arms: Option<When> = None;
        loop {
            let cond = self.condition(&c.test)?;
            let from = self.flow.clone();
            let mut end = Ok(Flow::default());
            let body = || end = self.branch(&from, &c.then);
            arms = Some(match arms {
                None => when(cond, body),
                Some(arms) => arms.elsewhen(cond, body),
            });
            ends.push(end?);
            match &c.otherwise {
                VerilogBlockOrConditional::Conditional(s) => match &**s {
                    VerilogStatement::If(next) => c = next,
                    _ => return Err(Reason::Unsupported("what follows an else").into()),
                },
                VerilogBlockOrConditional::Block(block) => {
                    let mut end = Ok(Flow::default());
                    let body = || end = self.branch(&from, block);
                    if let Some(arms) = arms {
                        arms.otherwise(body);
                    }
                    ends.push(end?);
                    break;
                }
                VerilogBlockOrConditional::None => {
                    ends.push(from);
                    break;
                }
            }
        }
        self.flow = Flow::join(&ends);
        Ok(())
    }

    /// The value of a pattern and the width that it has by itself; nothing for `_`.
    fn pattern(&self, text: &str) -> Res<Option<(u64, Option<usize>)>> {
        let bad = || Reason::Pattern(text.replace('$', "::"));
        Ok(Some(match text {
            "default" => return Ok(None),
            "true" => (1, Some(1)),
            "false" => (0, Some(1)),
            _ => match (self.nets.enum_value(text), names::integer(text)) {
                (Some((v, w)), _) => (v, Some(w)),
                (None, Some(v)) => (u64::try_from(v).map_err(|_| bad())?, None),
                _ => return Err(bad().into()),
            },
        }))
    }

    /// A `match`. Rust has made sure that its patterns cover all values; so the last one stands for the rest.
    fn choice(&mut self, m: &VerilogMatch) -> Res<()> {
        let on = self.expr(&m.test)?;
        let mut keys: Vec<Option<u64>> = Vec::new();
        for case in &m.cases {
            let key = self.pattern(&case.condition)?;
            let fits = match (key, on) {
                (Some((_, Some(w))), Value::E(e)) => w == e.width(),
                (Some((v, None)), Value::E(e)) => e.width() >= 64 || v >> e.width() == 0,
                _ => true,
            };
            let key = key.map(|(v, _)| v);
            if !fits || keys.contains(&key) || keys.contains(&None) {
                return Err(Reason::Pattern(case.condition.replace('$', "::")).into());
            }
            keys.push(key);
        }
        let e = match on {
            Value::E(e) => e,
            Value::Int(v) => {
                let hit = keys.iter().position(|k| k.is_none_or(|k| u128::from(k) == v));
                return hit.map_or(Ok(()), |i| self.block(&m.cases[i].block));
            }
        };
        if let Some(last) = keys.last_mut() {
            *last = None;
        }
        let from = self.flow.clone();
        let mut ends = Vec::new();
        switch(e, |s: &Switch| {
            for (key, case) in keys.iter().zip(&m.cases) {
                let body = || ends.push(self.branch(&from, &case.block));
                match key {
                    Some(k) => s.is(*k, body),
                    None => s.default(body),
                }
            }
        });
        let ends = ends.into_iter().collect::<Res<Vec<Flow>>>()?;
        self.flow = if ends.is_empty() { from } else { Flow::join(&ends) };
        Ok(())
    }

    fn rounds(&mut self, l: &VerilogLoop) -> Res<()> {
        let (from, to) = (literal(&l.from)?, literal(&l.to)?);
        if to.saturating_sub(from) > MAX_ROUNDS {
            return Err(Reason::LongLoop.into());
        }
        // In the tree, `self.i.val()` is `i`, as is the index.
        if self.nets.find(&l.index).is_some() {
            return Err(Reason::NameClash(l.index.clone()).into());
        }
        for i in from..to {
            self.loops.enter(&l.index, i);
            let done = self.block(&l.block);
            self.loops.leave();
            done?;
        }
        Ok(())
    }
}

/// Says at which signal a fault lies, unless that is known.
fn at(path: &str) -> impl Fn(Stop) -> Stop {
    let signal = path.replace('$', ".");
    move |stop| match stop {
        Stop::Reason(reason) => FrontError { block: String::new(), signal: signal.clone(), reason }.into(),
        other => other,
    }
}
