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
