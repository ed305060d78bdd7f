//! Conditionals of the statement tree.

use super::bits::Bits;
use super::builder::{Builder, Frame, Res, with};
use super::data::*;
use super::expr::E;

impl Builder {
    fn open(&mut self, switch_head: bool) {
        self.frames.push(Frame { stmts: Vec::new(), switch_head });
    }

    fn close(&mut self) -> Vec<Stmt> {
        self.frames.pop().expect("a frame was opened").stmts
    }

    fn stmts(&mut self) -> &mut Vec<Stmt> {
        &mut self.frames.last_mut().expect("the body's frame").stmts
    }

    fn not_in_switch_head(&self) -> Res<()> {
        match self.frames.last() {
            Some(f) if f.switch_head => Err("a conditional between the arms of a switch".to_string()),
            _ => Ok(()),
        }
    }
}

/// A condition and what happens under it.
type Arm = (NodeId, Vec<Stmt>);

/// A conditional that may get further arms.
#[derive(Debug)]
pub struct When {
    m: u32,
    depth: usize,
    index: usize,
}

/// The assignments in `f` happen where `c` (one bit) is 1.
#[track_caller]
pub fn when(c: impl Into<E>, f: impl FnOnce()) -> When {
    let c = c.into();
    let cond = with(|b| {
        b.not_in_switch_head()?;
        let cond = b.own_bit(c, "the condition of when")?;
        b.open(false);
        Ok(cond)
    });
    f();
    with(|b| {
        let body = b.close();
        b.stmts().push(Stmt::If { arms: vec![(cond, body)], otherwise: Vec::new() });
        Ok(When { m: b.serial, depth: b.frames.len(), index: b.stmts().len() - 1 })
    })
}

impl When {
    /// The conditional itself, taken out of the tree.
    fn take(&self, b: &mut Builder) -> Res<(Vec<Arm>, Vec<Stmt>)> {
        let here = b.serial == self.m && b.frames.len() == self.depth && b.stmts().len() == self.index + 1;
        match if here { b.stmts().pop() } else { None } {
            Some(Stmt::If { arms, otherwise }) => Ok((arms, otherwise)),
            _ => Err("elsewhen or otherwise does not follow its when".to_string()),
        }
    }

    /// The assignments in `f` happen where `c` (one bit) is 1 and no condition before it was.
    #[track_caller]
    pub fn elsewhen(self, c: impl Into<E>, f: impl FnOnce()) -> When {
        let c = c.into();
        let (cond, mut arms, otherwise) = with(|b| {
            let cond = b.own_bit(c, "the condition of elsewhen")?;
            let (arms, otherwise) = self.take(b)?;
            b.open(false);
            Ok((cond, arms, otherwise))
        });
        f();
        with(|b| {
            arms.push((cond, b.close()));
            b.stmts().push(Stmt::If { arms, otherwise });
            Ok(())
        });
        self
    }

    /// The assignments in `f` happen where no condition was 1.
    #[track_caller]
    pub fn otherwise(self, f: impl FnOnce()) {
        let arms = with(|b| {
            let (arms, _) = self.take(b)?;
            b.open(false);
            Ok(arms)
        });
        f();
        with(|b| {
            let otherwise = b.close();
            b.stmts().push(Stmt::If { arms, otherwise });
            Ok(())
        });
    }
}

/// The arms of a [`switch`].
#[derive(Debug)]
pub struct Switch {
    m: u32,
    depth: usize,
    w: usize,
    state: std::cell::RefCell<Arms>,
}

#[derive(Debug, Default)]
struct Arms {
    arms: Vec<(Vec<u64>, Vec<Stmt>)>,
    default: Option<Vec<Stmt>>,
}

/// Chooses by the value of `e`: `f` calls [`Switch::is`], [`Switch::is_any`] and [`Switch::default`] and nothing else.
/// Without a matching arm and default nothing is assigned.
#[track_caller]
pub fn switch(e: impl Into<E>, f: impl FnOnce(&Switch)) {
    let e = e.into();
    let (on, s) = with(|b| {
        b.not_in_switch_head()?;
        let on = b.own(e)?;
        b.open(true);
        let state = std::cell::RefCell::default();
        Ok((on, Switch { m: b.serial, depth: b.frames.len(), w: e.width(), state }))
    });
    f(&s);
    with(|b| {
        if !b.close().is_empty() {
            return Err("an assignment between the arms of a switch".to_string());
        }
        let Arms { arms, default } = s.state.into_inner();
        b.stmts().push(Stmt::Switch { on, arms, default: default.unwrap_or_default() });
        Ok(())
    })
}

impl Switch {
    fn enter(&self, b: &mut Builder) -> Res<()> {
        if b.serial != self.m || b.frames.len() != self.depth {
            return Err("an arm of a switch inside another conditional".to_string());
        }
        b.open(false);
        Ok(())
    }

    /// The arm for the value `k`.
    #[track_caller]
    pub fn is(&self, k: u64, f: impl FnOnce()) {
        self.is_any(&[k], f);
    }

    /// The arm for several values (at least one).
    #[track_caller]
    pub fn is_any(&self, keys: &[u64], f: impl FnOnce()) {
        with(|b| {
            let seen = self.state.borrow();
            for (i, k) in keys.iter().enumerate() {
                if Bits::from(*k).significant() > self.w {
                    return Err(format!("switch: {k} does not fit in {} bits", self.w));
                }
                if keys[..i].contains(k) || seen.arms.iter().any(|(ks, _)| ks.contains(k)) {
                    return Err(format!("switch: a second arm for {k}"));
                }
            }
            if keys.is_empty() {
                return Err("switch: an arm for no value".to_string());
            }
            self.enter(b)
        });
        f();
        let body = with(|b| Ok(b.close()));
        self.state.borrow_mut().arms.push((keys.to_vec(), body));
    }

    /// The arm for all other values.
    #[track_caller]
    pub fn default(&self, f: impl FnOnce()) {
        with(|b| {
            if self.state.borrow().default.is_some() {
                return Err("switch: a second default".to_string());
            }
            self.enter(b)
        });
        f();
        let body = with(|b| Ok(b.close()));
        self.state.borrow_mut().default = Some(body);
    }
}
