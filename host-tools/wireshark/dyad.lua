-- Wireshark's dissector for Dyad frames. Made from the crate `dyad-spec`: do not edit, call
--   dyad trace --dissector > host-tools/wireshark/dyad.lua
-- To use it, put it into Wireshark's folder for personal Lua plugins, or: wireshark -X lua_script:dyad.lua FILE

local UDP_PORT = 4791
local TRAILER_BYTES = 8
local OFFSET_UNIT = 64

local FRAME_TYPES = {
  [0x1] = "Write",
  [0x2] = "Ack",
  [0x3] = "Busy",
  [0x4] = "Refused",
  [0x5] = "Flush",
  [0x6] = "Control",
  [0xb] = "Commit",
  [0xc] = "AskCommit",
}

local STATUS_CODES = {
  [0x00] = "Ok",
  [0x01] = "BadOpcode",
  [0x02] = "BadBlocks",
  [0x03] = "BadLba",
  [0x04] = "BadLun",
  [0x05] = "Misaligned",
  [0x10] = "NotOwner",
  [0x11] = "NotLive",
  [0x12] = "LinkDown",
  [0x20] = "DmaReadFault",
  [0x21] = "DmaWriteFault",
  [0x30] = "StoreError",
  [0x31] = "StoreIntegrity",
  [0x40] = "PeerTimeout",
  [0x41] = "PeerStoreError",
  [0x42] = "PeerRefused",
  [0x43] = "Locked",
}

-- name, first byte after the UDP header, bytes, meaning
local HEADER = {
  { "version_type", 0, 1, "Wire version in the high nibble, frame type in the low one." },
  { "code", 1, 1, "REFUSED: the reason, a status code. Otherwise zero." },
  { "generation", 2, 2, "Link generation. Frames of another generation are dropped and counted; CONTROL frames carry zero." },
  { "slot", 4, 2, "The sender's slot; in an answer, the slot answered." },
  { "seq", 6, 4, "Sequence number of the slot's use: one higher with each use." },
  { "lun", 10, 1, "LUN number." },
  { "offset", 11, 1, "WRITE: where the payload belongs in its block, in units of 64 bytes." },
  { "length", 12, 2, "Payload length in bytes, a multiple of 64." },
  { "lba", 14, 4, "WRITE: logical block address. ACK: cycles between the block's last beat and this frame's first." },
  { "epoch", 18, 4, "WRITE: epoch of the extent at the sender. Otherwise zero." },
}

-- name, first byte after the payload, bytes, meaning
local TRAILER = {
  { "commit", 0, 4, "A COMMIT that rides along, in frames of every type but CONTROL: the sender's slot in bits 31:20, the low 20 bits of its sequence in bits 19:0. Zero: none." },
  { "crc", 4, 4, "CRC32C. Its four bytes are sent least significant first, as RFC 3720 has it: the field read in network order is the byte-swapped checksum." },
}

local dyad = Proto("dyad", "Dyad dual write")

local protofields = {
  version = ProtoField.uint8("dyad.version", "Version", base.DEC, nil, 0xf0),
  type = ProtoField.uint8("dyad.type", "Type", base.HEX, FRAME_TYPES, 0x0f),
  code = ProtoField.uint8("dyad.code", "Code", base.HEX, STATUS_CODES),
  payload = ProtoField.bytes("dyad.payload", "Payload"),
  answer_to = ProtoField.framenum("dyad.answer_to", "Answers", base.NONE, frametype.RESPONSE),
  answer_time = ProtoField.relative_time("dyad.answer_time", "Time since the first frame answered"),
}
local MAKE = { ProtoField.uint8, ProtoField.uint16, nil, ProtoField.uint32 }
for _, list in ipairs({ HEADER, TRAILER }) do
  for _, field in ipairs(list) do
    local name, bytes, meaning = field[1], field[3], field[4]
    if name ~= "version_type" and name ~= "code" then
      local show = (name == "crc" or name == "epoch") and base.HEX or base.DEC
      protofields[name] = MAKE[bytes]("dyad." .. name, name, show, nil, nil, meaning)
    end
  end
end
dyad.fields = protofields

local HEADER_END = 0
for _, field in ipairs(HEADER) do
  HEADER_END = math.max(HEADER_END, field[2] + field[3])
end

-- First frame of each WRITE: by sender, generation, slot and sequence.
local writes = {}
function dyad.init()
  writes = {}
end

local function link_answer(values, pinfo, tree, tvb)
  local kind = FRAME_TYPES[values.type]
  local tail = string.format("/%d/%d/%d", values.generation, values.slot, values.seq)
  if kind == "Write" then
    local key = tostring(pinfo.net_src) .. tail
    if not writes[key] then
      writes[key] = { number = pinfo.number, time = pinfo.abs_ts }
    end
  elseif kind == "Ack" or kind == "Busy" or kind == "Refused" then
    local write = writes[tostring(pinfo.net_dst) .. tail]
    if write and write.number < pinfo.number then
      tree:add(protofields.answer_to, tvb(), write.number):set_generated()
      local time = pinfo.abs_ts - write.time
      local seconds = math.floor(time)
      local took = NSTime.new(seconds, math.floor((time - seconds) * 1e9 + 0.5))
      tree:add(protofields.answer_time, tvb(), took):set_generated()
    end
  end
end

function dyad.dissector(tvb, pinfo, tree)
  if tvb:len() < HEADER_END + TRAILER_BYTES then
    return 0
  end
  pinfo.cols.protocol = "DYAD"
  local sub = tree:add(dyad, tvb())
  local values = {}
  for _, field in ipairs(HEADER) do
    local name, range = field[1], tvb(field[2], field[3])
    values[name] = range:uint()
    if name == "version_type" then
      values.type = values[name] % 16
      sub:add(protofields.version, range)
      sub:add(protofields.type, range)
    elseif name ~= "code" or values[name] ~= 0 then
      sub:add(protofields[name], range)
    end
  end
  local payload = tvb:len() - HEADER_END - TRAILER_BYTES
  if payload > 0 then
    sub:add(protofields.payload, tvb(HEADER_END, payload))
  end
  for _, field in ipairs(TRAILER) do
    local range = tvb(HEADER_END + payload + field[2], field[3])
    if field[1] == "crc" then
      -- Sent least significant byte first.
      sub:add_le(protofields.crc, range)
    else
      sub:add(protofields[field[1]], range)
    end
  end
  link_answer(values, pinfo, sub, tvb)

  local kind = FRAME_TYPES[values.type] or string.format("type %#x", values.type)
  local info = string.format("%s slot %d seq %d", kind, values.slot, values.seq)
  if kind == "Write" then
    info = string.format("%s LUN %d LBA %d +%d, %d bytes", info, values.lun, values.lba, values.offset * OFFSET_UNIT, values.length)
  elseif kind == "Ack" then
    info = string.format("%s, %d cycles in the peer", info, values.lba)
  elseif kind == "Refused" then
    info = string.format("%s: %s", info, STATUS_CODES[values.code] or tostring(values.code))
  end
  pinfo.cols.info = info
  sub:append_text(": " .. info)
  return tvb:len()
end

DissectorTable.get("udp.port"):add(UDP_PORT, dyad)
