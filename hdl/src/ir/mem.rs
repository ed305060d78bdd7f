//! Memories and instances.

use super::builder::{Builder, Res, with};
use super::data::*;
use super::expr::{E, Op};

/// Handle of a memory.
#[derive(Clone, Copy, Debug)]
pub struct Ram {
    pub(crate) index: usize,
    pub(crate) m: u32,
    pub(crate) w: usize,
    pub(crate) addr_w: usize,
}

impl Ram {
    /// Width of a word in bits.
    pub fn width(&self) -> usize {
        self.w
    }

    /// Width of an address in bits.
    pub fn addr_width(&self) -> usize {
        self.addr_w
    }

    /// Promises that nothing uses what a synchronous read port reads from an address that is written at the same
    /// edge. Some block RAMs (ECP5's) do not give the old data by themselves; this saves the logic that does. In
    /// simulation such a read gives the old data inverted, so that a broken promise shows.
    #[track_caller]
    pub fn collisions_undefined(self) -> Ram {
        with(|b| {
            self.data(b, "a memory's collisions")?.collisions_undefined = true;
            Ok(self)
        })
    }

    fn data<'b>(&self, b: &'b mut Builder, what: &str) -> Res<&'b mut RamData> {
        b.at_module_level(what)?;
        if b.serial != self.m {
            return Err("the memory of another module is used here".to_string());
        }
        Ok(&mut b.data.rams[self.index])
    }

    fn addr(&self, b: &mut Builder, addr: Op) -> Res<NodeId> {
        let name = self.data(b, "a memory port")?.name.clone();
        b.resolve(addr, self.addr_w).map_err(|e| format!("ram {name}, address: {e}"))
    }

    /// The write port: where `en` (one bit) is 1, `data` goes to `addr` at the clock edge. Once per memory.
    #[track_caller]
    pub fn write(&self, en: impl Into<E>, addr: impl Into<Op>, data: impl Into<Op>) {
        let (en, addr, data) = (en.into(), addr.into(), data.into());
        with(|b| {
            b.own_bit(en, "the write enable")?;
            self.add_write(b, en, self.w, addr, data)
        })
    }

    /// The write port with an enable per lane of `lane_w` bits; `en` has as many bits as there are lanes, bit 0 for
    /// the least significant lane. Once per memory.
    #[track_caller]
    pub fn write_lanes(&self, en: impl Into<E>, lane_w: usize, addr: impl Into<Op>, data: impl Into<Op>) {
        let (en, addr, data) = (en.into(), addr.into(), data.into());
        with(|b| self.add_write(b, en, lane_w, addr, data))
    }

    fn add_write(&self, b: &mut Builder, en: E, lane_w: usize, addr: Op, data: Op) -> Res<()> {
        let addr = self.addr(b, addr)?;
        let en_id = b.own(en)?;
        let name = self.data(b, "a memory port")?.name.clone();
        if lane_w * en.width() != self.w {
            return Err(format!("ram {name}: {} lanes of {lane_w} bits in {} bits", en.width(), self.w));
        }
        let data = b.resolve(data, self.w).map_err(|e| format!("ram {name}, data: {e}"))?;
        let write = &mut self.data(b, "a memory port")?.write;
        if write.is_some() {
            return Err(format!("ram {name}: a second write port"));
        }
        *write = Some(RamWrite { en: en_id, lane_w: lane_w as u32, addr, data });
        Ok(())
    }

    fn add_read(&self, b: &mut Builder, kind: ReadKind, addr: Op) -> Res<E> {
        let addr = self.addr(b, addr)?;
        let name = self.data(b, "a memory port")?.name.clone();
        let out = b.unique(&format!("{name}_q"))?;
        let read = b.data.rams[self.index].reads.len();
        let (sig, e) = b.signal(out, self.w, SigKind::RamOut { ram: self.index, read })?;
        b.data.rams[self.index].reads.push(RamRead { kind, addr, sig });
        Ok(e)
    }

    /// A read port: the data of `addr` is there in the next cycle. An address that is written at the same edge gives
    /// its old data.
    #[track_caller]
    pub fn read(&self, addr: impl Into<Op>) -> E {
        let addr = addr.into();
        with(|b| self.add_read(b, ReadKind::Sync, addr))
    }

    /// A read port that reads where `en` (one bit) is 1 at the clock edge, and holds its data otherwise.
    #[track_caller]
    pub fn read_en(&self, en: impl Into<E>, addr: impl Into<Op>) -> E {
        let (en, addr) = (en.into(), addr.into());
        with(|b| {
            let en = b.own_bit(en, "the read enable")?;
            self.add_read(b, ReadKind::SyncEn(en), addr)
        })
    }

    /// A combinational read port: makes the memory distributed RAM. For small ones only.
    #[track_caller]
    pub fn read_async(&self, addr: impl Into<Op>) -> E {
        let addr = addr.into();
        with(|b| self.add_read(b, ReadKind::Async, addr))
    }
}

/// Handle of an instance.
#[derive(Clone, Copy, Debug)]
pub struct Inst {
    pub(crate) index: usize,
    pub(crate) m: u32,
}

impl Inst {
    /// The instance, the port's index, and its width.
    fn port<'b>(&self, b: &'b mut Builder, name: &str, dir: Dir) -> Res<(&'b mut InstData, usize, usize)> {
        if b.serial != self.m {
            return Err("the instance of another module is used here".to_string());
        }
        let inst = &mut b.data.insts[self.index];
        let child = &inst.child.0;
        let found = child.ports.iter().position(|&(_, s)| child.sigs[s as usize].name == name);
        let err = |what: &str| Err(format!("instance {} of {}: {what} {name}", inst.name, child.name));
        match found {
            None => err("no port"),
            Some(i) if child.ports[i].0 != dir => err(match dir {
                Dir::Input => "set of output",
                Dir::Output => "get of input",
            }),
            Some(i) => {
                let w = child.sigs[child.ports[i].1 as usize].w as usize;
                Ok((inst, i, w))
            }
        }
    }

    /// Connects an input of the child; once for each, outside conditionals.
    #[track_caller]
    pub fn set(&self, port: impl AsRef<str>, value: impl Into<Op>) {
        let (port, value) = (port.as_ref(), value.into());
        with(|b| {
            b.at_module_level("an instance's input")?;
            let (_, i, w) = self.port(b, port, Dir::Input)?;
            let id = b.resolve(value, w).map_err(|e| format!("port {port}: {e}"))?;
            let inst = &mut b.data.insts[self.index];
            if inst.inputs[i].is_some() {
                return Err(format!("instance {}: port {port} is set twice", inst.name));
            }
            inst.inputs[i] = Some(id);
            Ok(())
        })
    }

    /// Resets the child also while `when` (one bit) is 1; once, outside conditionals. Give it from a register: it is a
    /// reset, and must not have glitches.
    #[track_caller]
    pub fn reset_also(&self, when: impl Into<E>) {
        let when = when.into();
        with(|b| {
            b.at_module_level("an instance's reset")?;
            if b.serial != self.m {
                return Err("the instance of another module is used here".to_string());
            }
            let id = b.own_bit(when, "a reset")?;
            let inst = &mut b.data.insts[self.index];
            if !inst.child.is_clocked() || inst.reset.is_some() {
                return Err(format!("instance {}: has no reset, or one more already", inst.name));
            }
            inst.reset = Some(id);
            Ok(())
        })
    }

    /// The value of an output of the child.
    #[track_caller]
    pub fn get(&self, port: impl AsRef<str>) -> E {
        with(|b| {
            let (inst, i, _) = self.port(b, port.as_ref(), Dir::Output)?;
            let sig = inst.outputs[i].expect("each output has a signal");
            let id = b.data.sigs[sig as usize].w;
            let id = b.intern(NodeOp::Sig(sig), id);
            Ok(b.e(id))
        })
    }
}
