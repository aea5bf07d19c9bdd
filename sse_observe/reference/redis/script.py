"""
The script that runs inside Redis: several changes to several streams in one call.

Knows the form in which a stream is kept. A hash holds its facts, a list its events, each behind
the time of its arrival; a list, since the last node of a Redis Stream takes 4 KB however
little it holds. Every change is checked and done as a whole, and published.
"""

import msgspec

from sse_observe.reference.bounds import Bounds
from sse_observe.reference.store import State

# One letter each: they stand in every message.
STATES: dict[State, str] = {"open": "o", "done": "d", "failed": "f", "lost": "l", "stopped": "s"}
STATE_OF = {letter.encode(): state for state, letter in STATES.items()}

# Events of more bytes are fetched rather than published: they would fill Redis' own buffers.
_PUBLISHED_BYTES = 16_384

encode_calls = msgspec.msgpack.Encoder().encode


def limits_of(bounds: Bounds) -> dict[str, int]:
    """Return the bounds of one stream as the script takes them."""
    return {
        "events": bounds.max_events,
        "bytes": bounds.max_bytes,
        "age": int(bounds.max_age_seconds * 1000),
        "published": _PUBLISHED_BYTES,
    }


SCRIPT = r"""
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local unset = cmsgpack.unpack('\192')

local function is_set(value) return value ~= nil and value ~= unset end

local function attended(meta)
  local facts = redis.call('HGETALL', meta)
  for i = 1, #facts, 2 do
    if facts[i]:sub(1, 1) == '@' and tonumber(facts[i + 1]) > now then return true end
  end
  return false
end

-- The facts of a stream, or nil: of one that nobody read for long nothing is left.
local function facts_of(meta, log)
  local found = redis.call('HMGET', meta, 'e', 'w', 's', 'l', 'n', 'z', 'r', 'k')
  if not found[1] then return nil end
  local idle = now - tonumber(found[7]) >= tonumber(found[8])
  if idle and not attended(meta) then
    redis.call('UNLINK', meta, log)
    return nil
  end
  return {epoch = found[1], writer = found[2], state = found[3], last = tonumber(found[4]),
    count = tonumber(found[5]), size = tonumber(found[6]), read = tonumber(found[7]),
    keep = tonumber(found[8])}
end

local function stay(meta, log, keep)
  redis.call('PEXPIRE', meta, 2 * keep)
  redis.call('PEXPIRE', log, 2 * keep)
end

-- To the host that writes the stream: what others did to it.
local function tell_writer(meta, writer, prefix)
  local host = writer:match('^([^:]+):')
  if host then redis.call('PUBLISH', prefix .. 'host:' .. host, meta) end
end

local function drop_first(log, facts)
  local old = redis.call('LPOP', log)
  if old then facts.size = facts.size - (#old - 6) end
  facts.count = facts.count - 1
end

local function evict(log, facts, most)
  local before = facts.count
  while facts.count > 1 and (facts.count > most.events or facts.size > most.bytes) do
    drop_first(log, facts)
  end
  while facts.count > 0 do
    local oldest = redis.call('LINDEX', log, 0)
    if oldest and struct.unpack('>I6', oldest) >= now - most.age then break end
    drop_first(log, facts)
  end
  return before - facts.count
end

local calls = {}

function calls.alias(key, _, id, keep)
  local held = redis.call('GET', key)
  if held and held ~= id then return {'exists'} end
  redis.call('SET', key, id, 'PX', 2 * keep)
  return {'ok'}
end

function calls.lookup(key)
  return {'ok', redis.call('GET', key) or ''}
end

function calls.create(meta, log, new, prefix)
  local facts = facts_of(meta, log)
  if facts then
    if facts.epoch == new.epoch and facts.writer == new.writer then return {'ok'} end
    return {'exists'}
  end
  if new.again and redis.call('HEXISTS', meta, 'x') == 1 then return {'gone'} end
  redis.call('DEL', meta, log)
  redis.call('HSET', meta, 'e', new.epoch, 'w', new.writer, 's', 'o', 'l', new.after, 'n', 0,
    'z', 0, 'r', now, 'k', new.keep, 'v', new.run)
  if new.owner ~= '' then redis.call('HSET', meta, 'o', new.owner) end
  if new.holder ~= '' then redis.call('HSET', meta, 'h', new.holder) end
  if is_set(new.note) then redis.call('HSET', meta, 't', ARGV[new.note]) end
  stay(meta, log, new.keep)
  if new.again then redis.call('PUBLISH', meta, 'm') end
  return {'ok'}
end

function calls.write(meta, log, w, most, prefix)
  local facts = facts_of(meta, log)
  if not facts then return {'gone'} end
  if facts.state ~= 'o' or (is_set(w.writer) and w.writer ~= facts.writer) then
    return {'fenced', facts.state}
  end
  -- Bytes come beside the calls: the decoder in Redis knows text alone.
  local state = w.state or 'o'
  local frames, skip = {unpack(ARGV, w.first_frame, w.first_frame + w.frames - 1)}, 0
  local after = is_set(w.after) and w.after or facts.last
  if facts.last < after and not w.jump then return {'behind', facts.last} end
  if facts.last > after then skip = facts.last - after end
  if w.spare and facts.count > 0 then
    local count, size = facts.count, facts.size
    for i = skip + 1, #frames do count, size = count + 1, size + #frames[i] end
    if count > most.events or size > most.bytes then return {'crowded'} end
  end
  if facts.last < after then
    redis.call('DEL', log)
    facts.last, facts.count, facts.size = after, 0, 0
  end
  local first, fresh, lengths, published = facts.last + 1, {}, {}, 0
  local stamp = struct.pack('>I6', now)
  for i = skip + 1, #frames do
    local length = redis.call('RPUSH', log, stamp .. frames[i])
    facts.last, facts.count, facts.size = facts.last + 1, facts.count + 1, facts.size + #frames[i]
    if length ~= facts.count then
      -- Redis itself has evicted the list: what it held is lost, and the numbers say so.
      facts.count, facts.size = 1, #frames[i]
      redis.call('PEXPIRE', log, 2 * facts.keep)
    end
    fresh[#fresh + 1] = frames[i]
    lengths[#lengths + 1] = #frames[i]
    published = published + #frames[i]
  end
  if facts.count == #fresh and #fresh > 0 then redis.call('PEXPIRE', log, 2 * facts.keep) end
  local evicted = evict(log, facts, most)
  redis.call('HSET', meta, 's', state, 'l', facts.last, 'n', facts.count, 'z', facts.size)
  if is_set(w.note) then redis.call('HSET', meta, 't', ARGV[w.note]) end
  if is_set(w.next_writer) then redis.call('HSET', meta, 'w', w.next_writer) end
  if is_set(w.next_epoch) then redis.call('HSET', meta, 'e', w.next_epoch) end
  if is_set(w.note) or is_set(w.next_writer) or is_set(w.next_epoch) then
    redis.call('PUBLISH', meta, 'm')
  elseif #fresh > 0 or state ~= 'o' then
    if published > most.published then
      redis.call('PUBLISH', meta, 'm')
    else
      redis.call('PUBLISH', meta, 'e ' .. first .. ' ' .. state .. ' ' ..
        table.concat(lengths, ',') .. '\n' .. (fresh[2] and table.concat(fresh) or fresh[1] or ''))
    end
  end
  if not is_set(w.writer) or is_set(w.next_writer) then
    tell_writer(meta, facts.writer, prefix)
  end
  return {'ok', facts.last, evicted, facts.count}
end

function calls.read(meta, log, after, touch)
  local facts = facts_of(meta, log)
  if not facts then return {'gone'} end
  local stale = touch and now - facts.read > facts.keep / 4
  if touch then
    redis.call('HSET', meta, 'r', now)
    if stale then stay(meta, log, facts.keep) end
  end
  local wanted = math.min(math.max(facts.last - after, 0), facts.last + 1)
  local held = math.min(wanted, facts.count)
  local frames = held > 0 and redis.call('LRANGE', log, -held, -1) or {}
  local more = redis.call('HMGET', meta, 'o', 't', 'v')
  return {'ok', facts.epoch, facts.writer, facts.state, facts.last, facts.keep, more[1] or '',
    more[2] or '', stale and 1 or 0, more[3] or '', frames}
end

function calls.find(meta, log)
  local facts = facts_of(meta, log)
  if not facts then return {'gone'} end
  return {'ok', facts.epoch, facts.keep, redis.call('HGET', meta, 'o') or ''}
end

-- A host begins or ceases to watch a stream, or says that it still does.
function calls.present(meta, log, host, milliseconds, tell, prefix)
  local facts = facts_of(meta, log)
  if not facts then return {'gone'} end
  if milliseconds > 0 then
    redis.call('HSET', meta, '@' .. host, now + milliseconds, 'r', now)
  else
    redis.call('HDEL', meta, '@' .. host)
    redis.call('HSET', meta, 'r', now)
  end
  stay(meta, log, facts.keep)
  if tell then tell_writer(meta, facts.writer, prefix) end
  return {'ok', facts.last, facts.state, facts.writer}
end

function calls.attended(meta, log)
  if not facts_of(meta, log) then return {'ok', 0} end
  return {'ok', attended(meta) and 1 or 0}
end

-- A tombstone stays for a while: a writer that has not heard of it must not bring it back.
local function bury(meta, log, facts, milliseconds, prefix)
  redis.call('UNLINK', meta, log)
  redis.call('HSET', meta, 'x', 1)
  redis.call('PEXPIRE', meta, milliseconds)
  redis.call('PUBLISH', meta, 'x')
  tell_writer(meta, facts.writer, prefix)
end

function calls.delete(meta, log, milliseconds, prefix)
  local facts = facts_of(meta, log)
  if not facts then return {'gone'} end
  bury(meta, log, facts, milliseconds, prefix)
  return {'ok'}
end

-- A stream that is read stays, and so does an open one that nobody in particular asked for.
local function is_needed(meta, facts)
  return attended(meta) or facts.state == 'o' and redis.call('HEXISTS', meta, 'h') == 0
end

function calls.give_way(meta, log, milliseconds, prefix)
  local facts = facts_of(meta, log)
  if not facts then return {'ok'} end
  if is_needed(meta, facts) then return {'busy'} end
  bury(meta, log, facts, milliseconds, prefix)
  return {'ok'}
end

function calls.weigh(meta, log)
  local facts = facts_of(meta, log)
  if not facts then return {'gone'} end
  if is_needed(meta, facts) then return {'busy'} end
  return {'ok', redis.call('HGET', meta, 'h') or '', facts.read}
end

function calls.buried(meta)
  return {'ok', redis.call('HEXISTS', meta, 'x')}
end

function calls.sweep(meta, log, most)
  local facts = facts_of(meta, log)
  if not facts then return {'gone'} end
  local evicted = evict(log, facts, most)
  if evicted > 0 then redis.call('HSET', meta, 'n', facts.count, 'z', facts.size) end
  stay(meta, log, facts.keep)
  return {'ok', evicted, facts.count}
end

local function last_for(keys, milliseconds)
  for _, key in ipairs(keys) do
    if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, milliseconds) end
  end
end

-- A place among all streams; where there is none, what has ended may give way, and some by lot.
function calls.reserve(index, ended, id, most, milliseconds)
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 100)
  if #old > 0 then
    redis.call('ZREM', index, unpack(old))
    redis.call('ZREM', ended, unpack(old))
  end
  if not redis.call('ZSCORE', index, id) and redis.call('ZCARD', index) >= most then
    return {'full', redis.call('ZRANGE', ended, 0, 9), redis.call('ZRANDMEMBER', index, 32)}
  end
  redis.call('ZADD', index, now + milliseconds, id)
  last_for({index, ended}, milliseconds)
  return {'ok'}
end

function calls.release(index, ended, id)
  redis.call('ZREM', index, id)
  redis.call('ZREM', ended, id)
  return {'ok'}
end

function calls.renew(index, ended, id, milliseconds, has_ended)
  redis.call('ZADD', index, now + milliseconds, id)
  if has_ended then redis.call('ZADD', ended, now, id) end
  last_for({index, ended}, milliseconds)
  return {'ok'}
end

-- The lease of a host; tells whether it was there, or everything was lost meanwhile.
function calls.lease(key, _, milliseconds)
  -- Where memory is exhausted nothing can be set, and what is there can still be kept.
  if redis.call('PEXPIRE', key, milliseconds) == 1 then return {'ok', 1} end
  redis.call('SET', key, 1, 'PX', milliseconds)
  return {'ok', 0}
end

-- How long the store has kept what it was given: it begins anew where everything was lost.
function calls.age(key, _, milliseconds)
  local since = redis.call('GET', key)
  if since then
    redis.call('PEXPIRE', key, milliseconds)
  else
    redis.call('SET', key, now, 'PX', milliseconds)
  end
  return {'ok', since and now - tonumber(since) or 0}
end

function calls.exists(key)
  return {'ok', redis.call('EXISTS', key)}
end

-- The numbers of a reporter's reports: the highest, whether it has ended, and for each of the
-- last 64, from the highest down, whether it came.
function calls.report(key, _, n, ends, milliseconds)
  local held = redis.call('GET', key) or '0 0 '
  local highest, ended, window = held:match('^(%d+) (%d) (%d*)$')
  local behind = tonumber(highest) - n
  if behind < 0 then
    highest = n
    window = ('1' .. ('0'):rep(math.min(-behind, 64) - 1) .. window):sub(1, 64)
  else
    if behind >= 64 or window:sub(behind + 1, behind + 1) == '1' then return {'ok', 0} end
    window = window .. ('0'):rep(behind + 1 - #window)
    window = window:sub(1, behind) .. '1' .. window:sub(behind + 2)
  end
  local is_new = not (ends and ended == '1')
  ended = ends and 1 or ended
  redis.call('SET', key, string.format('%d %d %s', highest, ended, window), 'PX', milliseconds)
  return {'ok', is_new and 1 or 0}
end

function calls.last_report(key)
  return {'ok', tonumber((redis.call('GET', key) or '0'):match('^%d+'))}
end

local results = {}
for i, call in ipairs(cmsgpack.unpack(ARGV[1])) do
  local name = table.remove(call, 1)
  local done, result = pcall(calls[name], KEYS[2 * i - 1], KEYS[2 * i], unpack(call))
  if not done then
    if type(result) == 'table' then result = result.err or 'unknown' end
    result = {'error', tostring(result)}
  end
  results[i] = result
end
return results
"""
