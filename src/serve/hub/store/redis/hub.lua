-- The state of a hub that several processes share. Each call is one step that is done entirely or not
-- at all, and what others must know of it is an entry of the log, in the one order that all of them read.
--
-- KEYS[1] is the prefix of all keys; ARGV is the name of a command and its arguments. An answer is a
-- list: 'ok' and the number of the last entry of the log, then what the command says; or 'lost', where
-- the process that asks is none of the hub (any more).
--
--   id                 the highest id of a message           epoch      the name of this series of ids
--   messages           stream, ID-0: every message kept      gone       view -> the highest id forgotten
--   view:e             sorted set of ids: sent to everyone   view:r:R   to a room
--   view:i:U           to a user                             view:o:U   by a user to another
--   rooms              rooms with members or messages        members    room -> the number of members
--   user:U             room -> the highest id at joining     delivered  user -> id
--   clients            the number of connections             online     user -> connections
--   position, log      the log: its last number, and a stream, NUMBER-0
--   processes          process -> its last request           positions  process -> what it has read
--   lease:P            there while the process lives         conns:P    connection -> user
--   welcome:P:N        the answer of its request N, in case it asks again

local prefix, call = KEYS[1], redis.call

local function key(name, of)
  return prefix .. name .. (of or '')
end

local function number(value)
  return tonumber(value or 0) or 0
end

local function text(value)
  return string.format('%.0f', value)
end

local function position()
  return number(call('GET', key('position')))
end

local function last()
  return number(call('GET', key('id')))
end

local function ok(...)
  return {'ok', position(), ...}
end

local function log(origin, ticket, kind, ...)
  local entry = {'o', origin, 't', ticket, 'k', kind}
  for index, value in ipairs({...}) do
    entry[#entry + 1] = text(index)
    entry[#entry + 1] = value
  end
  local at = call('INCR', key('position'))
  call('XADD', key('log'), text(at) .. '-0', unpack(entry))
end

-- Messages ---------------------------------------------------------------------------------------

local function views_of_message(from, kind, name, echo)
  if kind == 'e' then return {'e'} end
  if kind == 'r' then return {'r:' .. name} end
  if from == name or echo == '0' then return {'i:' .. name} end
  return {'i:' .. name, 'o:' .. from}
end

-- A room without members and messages is none.
local function tidy(room)
  if call('HEXISTS', key('members'), room) == 0 and call('EXISTS', key('view:r:', room)) == 0 then
    call('SREM', key('rooms'), room)
  end
end

local function forget(stream_id, fields)
  local id = string.match(stream_id, '^%d+')
  for _, view in ipairs(views_of_message(fields[2], fields[4], fields[6], fields[12])) do
    call('ZREM', key('view:', view), id)
    call('HSET', key('gone'), view, id)
  end
  if fields[4] == 'r' then tidy(fields[6]) end
  call('XDEL', key('messages'), stream_id)
end

-- Forgets at most 500 messages: the oldest, beyond this number or from before this time. Says whether
-- there may be more.
local function prune(count, before)
  local kept = call('XLEN', key('messages'))
  local oldest = {}
  if before ~= '' then
    oldest = call('XRANGE', key('messages'), '-', '+', 'COUNT', 500)
  elseif count ~= '' and kept > number(count) then
    oldest = call('XRANGE', key('messages'), '-', '+', 'COUNT', math.min(500, kept - number(count)))
  end
  local limit = count ~= '' and number(count) or kept
  for _, message in ipairs(oldest) do
    local old = before ~= '' and number(message[2][10]) < number(before)
    if kept <= limit and not old then return 0 end
    forget(message[1], message[2])
    kept = kept - 1
  end
  return #oldest == 500 and 1 or 0
end

-- Bytes of messages on a page; the one that exceeds them is its last.
local MAX_PAGE = 4194304

-- The first messages of the views, each { view, after }, in the order of their ids, without what
-- `user` sent without echo; and whether there may be more because they are large.
local function select_messages(views, user, limit)
  local found, bytes = {}, 0
  while true do
    -- Above the horizon, a view may have more than was looked at.
    local ids, horizon = {}, nil
    for _, view in ipairs(views) do
      local some = call('ZRANGEBYSCORE', key('view:', view[1]), '(' .. text(view[2]), '+inf', 'LIMIT', 0, limit)
      for _, id in ipairs(some) do ids[#ids + 1] = tonumber(id) end
      if #some == limit then horizon = math.min(horizon or math.huge, tonumber(some[limit])) end
    end
    table.sort(ids)
    for _, id in ipairs(ids) do
      if horizon and id > horizon then break end
      local message = call('XRANGE', key('messages'), text(id) .. '-0', text(id) .. '-0')[1]
      if message and not (user and message[2][2] == user and message[2][12] == '0') then
        found[#found + 1] = message
        bytes = bytes + #message[2][8]
        if #found == limit or bytes > MAX_PAGE then return found, bytes > MAX_PAGE end
      end
    end
    if not horizon then return found, false end
    for _, view in ipairs(views) do view[2] = math.max(view[2], horizon) end
  end
end

local function views_of_user(user, direct, other)
  local views = {{'e', other}, {'i:' .. user, direct}, {'o:' .. user, other}}
  local rooms = call('HGETALL', key('user:', user))
  for index = 1, #rooms, 2 do
    views[#views + 1] = {'r:' .. rooms[index], math.max(other, number(rooms[index + 1]))}
  end
  return views
end

local function page(views, user, limit)
  local found, is_cut = select_messages(views, user, limit + 1)
  local complete = #found <= limit and not is_cut
  if #found > limit then found[#found] = nil end
  return ok(last(), complete and 1 or 0, found)
end

-- Connections ------------------------------------------------------------------------------------

local function deliver(user, id)
  if number(id) > number(call('HGET', key('delivered'), user)) then
    call('HSET', key('delivered'), user, id)
  end
end

local function closed(origin, ticket, user, code, reason)
  local clients = call('DECR', key('clients'))
  log(origin, ticket, 'closed', user, code, reason)
  if call('HINCRBY', key('online'), user, -1) <= 0 then
    call('HDEL', key('online'), user)
    log(origin, ticket, 'offline', user, clients)
  end
end

-- Whether all that was addressed to the user since `after` is there, and the oldest id that is.
local function recovered(user, after, epoch)
  local complete = after <= last() and (epoch == '' or epoch == call('GET', key('epoch')))
  for _, view in ipairs(views_of_user(user, after, after)) do
    complete = complete and number(call('HGET', key('gone'), view[1])) <= view[2]
  end
  if complete then return '1', 0 end
  local first = select_messages(views_of_user(user, 0, 0), user, 1)[1]
  return '0', first and number(string.match(first[1], '^%d+')) or last() + 1
end

-- Commands of a process of the hub -----------------------------------------------------------------

local commands = {}

-- Whether this request was done before; it is from now on.
local function seen(process, request)
  if number(request) <= number(call('HGET', key('processes'), process)) then return true end
  call('HSET', key('processes'), process, request)
  return false
end

function commands.append(process, request, ticket, retain, from, kind, name, data, at, echo)
  if seen(process, request) then return ok() end
  local id = call('INCR', key('id'))
  call('XADD', key('messages'), text(id) .. '-0',
    'f', from, 'k', kind, 'n', name, 'd', data, 'a', at, 'e', echo)
  for _, view in ipairs(views_of_message(from, kind, name, echo)) do
    call('ZADD', key('view:', view), id, text(id))
  end
  if kind == 'r' then call('SADD', key('rooms'), name) end
  log(process, ticket, 'message', id, from, kind, name, data, at, echo)
  prune(retain, '')
  return ok()
end

function commands.arrive(process, request, ticket, conn, user, after, epoch)
  local saved_as = key('welcome:', process .. ':' .. request)
  if seen(process, request) then
    local saved = call('GET', saved_as)
    return saved and cmsgpack.unpack(saved) or {'lost'}
  end
  call('HSET', key('conns:', process), conn, user)
  local connections = call('HINCRBY', key('online'), user, 1)
  local clients = call('INCR', key('clients'))
  local whole, oldest = '', 0
  if after ~= '' then whole, oldest = recovered(user, number(after), epoch) end
  local delivered = number(call('HGET', key('delivered'), user))
  local pending = select_messages({{'i:' .. user, delivered}}, user, 1)[1]
  local welcome = ok(clients, last(), call('GET', key('epoch')), whole, oldest, delivered,
    pending and number(string.match(pending[1], '^%d+')) or 0,
    call('HKEYS', key('user:', user)))
  call('SET', saved_as, cmsgpack.pack(welcome), 'PX', 600000)
  if connections == 1 then log(process, ticket, 'online', user, clients) end
  return welcome
end

function commands.depart(process, ticket, conn, code, reason, delivered)
  local user = call('HGET', key('conns:', process), conn)
  if user then
    call('HDEL', key('conns:', process), conn)
    deliver(user, delivered)
    closed(process, ticket, user, code, reason)
  end
  return ok()
end

function commands.join(process, ticket, user, room, most)
  local rooms = key('user:', user)
  if most ~= '' and call('HLEN', rooms) >= number(most) and call('HEXISTS', rooms, room) == 0 then
    return ok('full')
  end
  if call('HSETNX', key('user:', user), room, last()) == 1 then
    call('HINCRBY', key('members'), room, 1)
    call('SADD', key('rooms'), room)
    log(process, ticket, 'joined', user, room)
  end
  return ok()
end

function commands.leave(process, ticket, user, room)
  if call('HDEL', key('user:', user), room) == 1 then
    if call('HINCRBY', key('members'), room, -1) <= 0 then
      call('HDEL', key('members'), room)
      tidy(room)
    end
    log(process, ticket, 'left', user, room)
  end
  return ok()
end

function commands.user_page(_, user, direct, other, limit)
  return page(views_of_user(user, number(direct), number(other)), user, number(limit))
end

function commands.room_page(_, room, after, limit)
  return page({{'r:' .. room, number(after)}}, nil, number(limit))
end

function commands.clients()
  return ok(number(call('GET', key('clients'))), call('HKEYS', key('online')))
end

function commands.rooms()
  return ok(call('SMEMBERS', key('rooms')))
end

function commands.delivered(_, user, id)
  deliver(user, id)
  return ok()
end

function commands.prune(_, retain, before)
  return ok(prune(retain, before))
end

-- The lease, what this process has read, and which processes have no lease.
function commands.lease(process, lease, read, longest)
  call('SET', key('lease:', process), '1', 'PX', lease)
  call('HSET', key('positions'), process, read)
  local slowest = number(read)
  for _, other in ipairs(call('HVALS', key('positions'))) do
    slowest = math.min(slowest, number(other))
  end
  -- The entry that a process has read last stays: by it, the process knows the log again.
  call('XTRIM', key('log'), 'MINID', text(slowest) .. '-0')
  call('XTRIM', key('log'), 'MAXLEN', '~', longest)
  local dead = {}
  for _, other in ipairs(call('HKEYS', key('processes'))) do
    if call('EXISTS', key('lease:', other)) == 0 then dead[#dead + 1] = other end
  end
  return ok(dead)
end

-- The entry that this process has read last, and a new lease.
function commands.resume(process, lease, read)
  call('SET', key('lease:', process), '1', 'PX', lease)
  local entry = call('XRANGE', key('log'), read .. '-0', read .. '-0')[1]
  return ok(entry or {})
end

-- Commands of everybody ----------------------------------------------------------------------------

local anybody = {}

-- A process comes. `known` and `highest` are the epoch and the id that it has seen last: ids of the same
-- series are not used twice, even if Redis has lost some.
function anybody.register(process, lease, epoch, known, highest)
  call('SETNX', key('epoch'), epoch)
  epoch = call('GET', key('epoch'))
  if epoch == known and last() < number(highest) then call('SET', key('id'), highest) end
  call('HSET', key('processes'), process, 0)
  call('HSET', key('positions'), process, position())
  call('SET', key('lease:', process), '1', 'PX', lease)
  local at = text(position()) .. '-0'
  return ok(epoch, call('XRANGE', key('log'), at, at)[1] or {})
end

-- Ends at most 500 connections of a process that is gone, or that says so itself. Says whether there
-- are more.
function anybody.reap(process, itself)
  if itself == '0' and call('EXISTS', key('lease:', process)) == 1 then return ok(0) end
  local some = call('HRANDFIELD', key('conns:', process), 500, 'WITHVALUES')
  for index = 1, #some, 2 do
    call('HDEL', key('conns:', process), some[index])
    closed('', 0, some[index + 1], 1006, '')
  end
  if call('EXISTS', key('conns:', process)) == 1 then return ok(1) end
  call('HDEL', key('processes'), process)
  call('HDEL', key('positions'), process)
  call('DEL', key('lease:', process))
  return ok(0)
end

local name, arguments = ARGV[1], {unpack(ARGV, 2)}
if anybody[name] then return anybody[name](unpack(arguments)) end
if call('HEXISTS', key('processes'), arguments[1]) == 0 then return {'lost'} end
return commands[name](unpack(arguments))
