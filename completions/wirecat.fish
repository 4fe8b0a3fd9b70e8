# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wirecat_global_optspecs
    string join \n H/header= origin= A/user-agent= subprotocol= u/user= oauth2-bearer= token= token-via= token-name= token-message= k/insecure cacert= connect-timeout= close-timeout= m/max-time= d/data= on-open= frame= text binary hex base64 escapes lockstep rate= on-eof= idle= count= until= 1/one-message format= json filter= t/timestamps= show-ping-pong include-secrets color= o/output= v/verbose s/silent stats reconnect= no-reconnect reconnect-delay= reconnect-max-delay= reconnect-jitter= reconnect-max-time= reconnect-on= no-reconnect-on= confirm= outbox= resume= state= ping-interval= ping-timeout= no-auto-pong heartbeat= heartbeat-interval= max-message-size= no-compress deflate-level= client-max-window-bits= server-max-window-bits= client-no-context-takeover server-no-context-takeover fragment= mirror generate= h/help V/version
end

function __fish_wirecat_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_wirecat_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_wirecat_using_subcommand
    set -l cmd (__fish_wirecat_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c wirecat -n "__fish_wirecat_needs_command" -s H -l header -d 'Add a header, \'Name: value\' (repeatable); \'Name;\' sends it empty, \'Name:\' removes it, @FILE reads headers from a file, @- from stdin' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l origin -d 'The Origin header, which browsers send and some servers check' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s A -l user-agent -d 'The User-Agent header; \'\' sends none [default: wirecat/VERSION]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l subprotocol -l protocol -d 'Offer a subprotocol (repeatable; the preferred one first)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s u -l user -d 'Basic authentication; asks for the password if there is none' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l oauth2-bearer -d 'Bearer authentication: the token itself, as curl takes it' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l token -d 'Take a token from @FILE, env:VAR, cmd:COMMAND or prompt; anything else is the token itself, with @@ for an @ at its beginning' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l token-via -d 'Where the token goes: in a header, the query, the first message or a subprotocol [default: header]' -r -f -a "header\t'Authorization: Bearer TOKEN, or the header of --token-name'
query\t'?token=TOKEN, or the parameter of --token-name'
message\t'The first message, from --token-message'
subprotocol\t'Offered in Sec-WebSocket-Protocol'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l token-name -d 'The name of the header [default: Authorization, with Bearer before the token] or of the query parameter [default: token]; with subprotocol, the text that goes before the token' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l token-message -d 'The message that carries the token, in place of {{token}}; implies --token-via message [default: {"event":"token","data":"{{token}}"}]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l cacert -d 'Trust the certificates in this PEM file instead of the system\'s' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l connect-timeout -d 'Limit for name lookup, TCP, TLS and handshake together; also for reading --token @FILE' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l close-timeout -d 'Limit for the server\'s answer to our Close' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s m -l max-time -d 'Limit for the whole run; when it is over, exit 28' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s d -l data -d 'Send this instead of stdin (repeatable); @FILE sends a file, @- all of stdin, as one message, and @@ at the beginning is an @' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l on-open -d 'Send this first on every connection, before stdin or -d (repeatable); @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l frame -d 'How stdin is cut into messages' -r -f -a "line\t'Each line is a message'
nul\t'Each piece that ends in a NUL is a message'
whole\t'All of stdin is one message'
json\t'Each JSON value is a message, over any number of lines'
events\t'Each line is an event as --json prints it; those that a client makes (send, ping, pong, close, frame) are made'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l rate -d 'Send at most this many messages a second' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l on-eof -d 'What to do after the last message is sent' -r -f -a "drain\t'Receive until nothing happens for --idle, --count or --until is met, or the server closes'
close\t'Close as soon as everything is sent'
stay\t'Stay until the server closes'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l idle -d 'How long --on-eof drain waits with nothing sent or received' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l count -d 'Stop after N messages received; exit 1 if there are fewer' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l until -d 'Stop after the first message for which this jq expression is true; exit 1 if there is none' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l format -d 'How messages are shown [default: pretty on a terminal, otherwise raw]' -r -f -a "pretty\t'For people: JSON laid out and coloured, binary as a hex dump'
raw\t'The payload; text ends in a line feed, binary is left as it is'
line\t'One line per message, line feeds and backslashes escaped as --escapes reads them'
hex\t'One line of hex per message'
base64\t'One line of base64 per message'
json\t'Every event as a line of JSON'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l filter -d 'Show the results of this jq expression for each JSON message, in place of the message' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s t -l timestamps -d 'Show the time of each message' -r -f -a "short\t'The local time of day'
iso\t'RFC 3339, local time with its offset'
relative\t'Since the start'
delta\t'Since the line before'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c wirecat -n "__fish_wirecat_needs_command" -s o -l output -d 'Write messages to this file instead of stdout' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect -d 'Connect again when the connection is lost, at most N times in a row [default: without end when interactive, otherwise not at all]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-delay -d 'The delay before the first retry; each retry doubles it' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-max-delay -d 'The longest delay; only a Retry-After of the server is longer' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-jitter -d 'How much of a delay is left to chance, so that the clients of a server that restarts do not all come at once' -r -f -a "equal\t'Half of the delay is certain, half random'
full\t'All of it is random'
decorrelated\t'Random up to three times the delay before'
none\t'Nothing is random'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-max-time -d 'Give up after this long without a connection' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-on -d 'Connect again also after these close codes, ranges of them and HTTP statuses: 1000,4000-4099,404' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-reconnect-on -d 'Do not connect again after these (1006 is a lost connection); goes before --reconnect-on' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l confirm -d 'Send messages again after a reconnect until they are confirmed: by a pong to a later ping (the default), by the n-th reply, or by the number that a jq expression finds in a reply' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l outbox -d 'What may wait for its confirmation; when that is full, no more is read' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l resume -d 'Remember the last value of a jq expression over the messages received (repeatable); {{NAME}} in --on-open, --heartbeat, headers and the query of the URL stands for it' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l state -d 'Keep what --resume remembers in this file from one run to the next' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l ping-interval -d 'Send a ping this often [default: 20s when interactive, otherwise never]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l ping-timeout -d 'How long after a ping the server may be silent before it counts as dead' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l heartbeat -d 'Send this text message at every --heartbeat-interval, for servers that want to hear from the application; @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l heartbeat-interval -d 'How often to send --heartbeat' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l max-message-size -d 'The largest message to receive; a larger one is answered with Close 1009 and exit 110' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l deflate-level -d 'How hard to compress: 0 (not at all) to 9 (best, and slowest)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l client-max-window-bits -d 'Limit the window that the client compresses with, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l server-max-window-bits -d 'Limit the window that the server compresses with, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l fragment -d 'Largest payload of a data frame that is sent; 0 never fragments [default: messages above 1 MiB leave in fragments of 256 KiB]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l generate -d 'Print the manual page or a shell completion' -r -f -a "man\t''
complete-bash\t''
complete-zsh\t''
complete-fish\t''
complete-powershell\t''
complete-elvish\t''"
complete -c wirecat -n "__fish_wirecat_needs_command" -s k -l insecure -d 'Do not check the server\'s certificate'
complete -c wirecat -n "__fish_wirecat_needs_command" -l text -d 'Send text messages (the default)'
complete -c wirecat -n "__fish_wirecat_needs_command" -l binary -d 'Send binary messages'
complete -c wirecat -n "__fish_wirecat_needs_command" -l hex -d 'Read -d, stdin and the prompt as hex; sends binary messages unless --text'
complete -c wirecat -n "__fish_wirecat_needs_command" -l base64 -d 'Read -d, stdin and the prompt as base64; sends binary messages unless --text'
complete -c wirecat -n "__fish_wirecat_needs_command" -l escapes -d 'Read escapes in -d, stdin and the prompt: \\n \\0 \\x1e \\u2028 \\\\'
complete -c wirecat -n "__fish_wirecat_needs_command" -l lockstep -d 'Send the next message only after the reply to the last, however long that takes (-m sets a limit)'
complete -c wirecat -n "__fish_wirecat_needs_command" -s 1 -l one-message -d 'The same as --count 1'
complete -c wirecat -n "__fish_wirecat_needs_command" -l json -d 'The same as --format json: every event as a line of JSON'
complete -c wirecat -n "__fish_wirecat_needs_command" -l show-ping-pong -d 'Show pings and pongs'
complete -c wirecat -n "__fish_wirecat_needs_command" -l include-secrets -d 'Show secrets in URLs, headers, notices and events, where [redacted] stands otherwise'
complete -c wirecat -n "__fish_wirecat_needs_command" -s v -l verbose -d 'Show the handshake and TLS; -vv every frame too, -vvv also its bytes'
complete -c wirecat -n "__fish_wirecat_needs_command" -s s -l silent -d 'Say nothing on stderr, not even errors (--stats still does)'
complete -c wirecat -n "__fish_wirecat_needs_command" -l stats -d 'Print counts and times on stderr at the end'
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-reconnect -d 'Do not connect again'
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-auto-pong -d 'Do not answer pings, to see what the server does'
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-compress -d 'Do without permessage-deflate'
complete -c wirecat -n "__fish_wirecat_needs_command" -l client-no-context-takeover -d 'Compress each message that the client sends for itself alone'
complete -c wirecat -n "__fish_wirecat_needs_command" -l server-no-context-takeover -d 'Have the server compress each message for itself alone'
complete -c wirecat -n "__fish_wirecat_needs_command" -l mirror -d 'Send every data message straight back, until the server closes; stdin is not read'
complete -c wirecat -n "__fish_wirecat_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_needs_command" -s V -l version -d 'Print version'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "demo" -d 'Start the debug server on a free port in this process and connect to it'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "serve" -d 'Run the debug server: echo, refusals, closes and broken frames on demand'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s H -l header -d 'Add a header, \'Name: value\' (repeatable); \'Name;\' sends it empty, \'Name:\' removes it, @FILE reads headers from a file, @- from stdin' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l origin -d 'The Origin header, which browsers send and some servers check' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s A -l user-agent -d 'The User-Agent header; \'\' sends none [default: wirecat/VERSION]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l subprotocol -l protocol -d 'Offer a subprotocol (repeatable; the preferred one first)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s u -l user -d 'Basic authentication; asks for the password if there is none' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l oauth2-bearer -d 'Bearer authentication: the token itself, as curl takes it' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l token -d 'Take a token from @FILE, env:VAR, cmd:COMMAND or prompt; anything else is the token itself, with @@ for an @ at its beginning' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l token-via -d 'Where the token goes: in a header, the query, the first message or a subprotocol [default: header]' -r -f -a "header\t'Authorization: Bearer TOKEN, or the header of --token-name'
query\t'?token=TOKEN, or the parameter of --token-name'
message\t'The first message, from --token-message'
subprotocol\t'Offered in Sec-WebSocket-Protocol'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l token-name -d 'The name of the header [default: Authorization, with Bearer before the token] or of the query parameter [default: token]; with subprotocol, the text that goes before the token' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l token-message -d 'The message that carries the token, in place of {{token}}; implies --token-via message [default: {"event":"token","data":"{{token}}"}]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l cacert -d 'Trust the certificates in this PEM file instead of the system\'s' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l connect-timeout -d 'Limit for name lookup, TCP, TLS and handshake together; also for reading --token @FILE' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l close-timeout -d 'Limit for the server\'s answer to our Close' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s m -l max-time -d 'Limit for the whole run; when it is over, exit 28' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s d -l data -d 'Send this instead of stdin (repeatable); @FILE sends a file, @- all of stdin, as one message, and @@ at the beginning is an @' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l on-open -d 'Send this first on every connection, before stdin or -d (repeatable); @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l frame -d 'How stdin is cut into messages' -r -f -a "line\t'Each line is a message'
nul\t'Each piece that ends in a NUL is a message'
whole\t'All of stdin is one message'
json\t'Each JSON value is a message, over any number of lines'
events\t'Each line is an event as --json prints it; those that a client makes (send, ping, pong, close, frame) are made'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l rate -d 'Send at most this many messages a second' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l on-eof -d 'What to do after the last message is sent' -r -f -a "drain\t'Receive until nothing happens for --idle, --count or --until is met, or the server closes'
close\t'Close as soon as everything is sent'
stay\t'Stay until the server closes'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l idle -d 'How long --on-eof drain waits with nothing sent or received' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l count -d 'Stop after N messages received; exit 1 if there are fewer' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l until -d 'Stop after the first message for which this jq expression is true; exit 1 if there is none' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l format -d 'How messages are shown [default: pretty on a terminal, otherwise raw]' -r -f -a "pretty\t'For people: JSON laid out and coloured, binary as a hex dump'
raw\t'The payload; text ends in a line feed, binary is left as it is'
line\t'One line per message, line feeds and backslashes escaped as --escapes reads them'
hex\t'One line of hex per message'
base64\t'One line of base64 per message'
json\t'Every event as a line of JSON'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l filter -d 'Show the results of this jq expression for each JSON message, in place of the message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s t -l timestamps -d 'Show the time of each message' -r -f -a "short\t'The local time of day'
iso\t'RFC 3339, local time with its offset'
relative\t'Since the start'
delta\t'Since the line before'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l color -d 'When to colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s o -l output -d 'Write messages to this file instead of stdout' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect -d 'Connect again when the connection is lost, at most N times in a row [default: without end when interactive, otherwise not at all]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-delay -d 'The delay before the first retry; each retry doubles it' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-max-delay -d 'The longest delay; only a Retry-After of the server is longer' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-jitter -d 'How much of a delay is left to chance, so that the clients of a server that restarts do not all come at once' -r -f -a "equal\t'Half of the delay is certain, half random'
full\t'All of it is random'
decorrelated\t'Random up to three times the delay before'
none\t'Nothing is random'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-max-time -d 'Give up after this long without a connection' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-on -d 'Connect again also after these close codes, ranges of them and HTTP statuses: 1000,4000-4099,404' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-reconnect-on -d 'Do not connect again after these (1006 is a lost connection); goes before --reconnect-on' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l confirm -d 'Send messages again after a reconnect until they are confirmed: by a pong to a later ping (the default), by the n-th reply, or by the number that a jq expression finds in a reply' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l outbox -d 'What may wait for its confirmation; when that is full, no more is read' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l resume -d 'Remember the last value of a jq expression over the messages received (repeatable); {{NAME}} in --on-open, --heartbeat, headers and the query of the URL stands for it' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l state -d 'Keep what --resume remembers in this file from one run to the next' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l ping-interval -d 'Send a ping this often [default: 20s when interactive, otherwise never]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l ping-timeout -d 'How long after a ping the server may be silent before it counts as dead' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l heartbeat -d 'Send this text message at every --heartbeat-interval, for servers that want to hear from the application; @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l heartbeat-interval -d 'How often to send --heartbeat' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l max-message-size -d 'The largest message to receive; a larger one is answered with Close 1009 and exit 110' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l deflate-level -d 'How hard to compress: 0 (not at all) to 9 (best, and slowest)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l client-max-window-bits -d 'Limit the window that the client compresses with, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l server-max-window-bits -d 'Limit the window that the server compresses with, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l fragment -d 'Largest payload of a data frame that is sent; 0 never fragments [default: messages above 1 MiB leave in fragments of 256 KiB]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s k -l insecure -d 'Do not check the server\'s certificate'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l text -d 'Send text messages (the default)'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l binary -d 'Send binary messages'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l hex -d 'Read -d, stdin and the prompt as hex; sends binary messages unless --text'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l base64 -d 'Read -d, stdin and the prompt as base64; sends binary messages unless --text'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l escapes -d 'Read escapes in -d, stdin and the prompt: \\n \\0 \\x1e \\u2028 \\\\'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l lockstep -d 'Send the next message only after the reply to the last, however long that takes (-m sets a limit)'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s 1 -l one-message -d 'The same as --count 1'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l json -d 'The same as --format json: every event as a line of JSON'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l show-ping-pong -d 'Show pings and pongs'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l include-secrets -d 'Show secrets in URLs, headers, notices and events, where [redacted] stands otherwise'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s v -l verbose -d 'Show the handshake and TLS; -vv every frame too, -vvv also its bytes'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s s -l silent -d 'Say nothing on stderr, not even errors (--stats still does)'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l stats -d 'Print counts and times on stderr at the end'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-reconnect -d 'Do not connect again'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-auto-pong -d 'Do not answer pings, to see what the server does'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-compress -d 'Do without permessage-deflate'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l client-no-context-takeover -d 'Compress each message that the client sends for itself alone'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l server-no-context-takeover -d 'Have the server compress each message for itself alone'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l mirror -d 'Send every data message straight back, until the server closes; stdin is not read'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l listen -d 'The same, given as an option' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -s p -l port -d 'Set only the port; 0 takes a free one' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l host -l bind -d 'Set only the address; any but a loopback address lets other machines in' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l seed -d 'Draw the numbers of ranges like after=2-5 from this seed, the same ones in each run' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l ledger -d 'Append each message that /ledger receives to this file before it is acknowledged, and read the file back at the start; no other server may use it meanwhile' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l deflate-level -d 'How hard to compress: 0 (not at all) to 9 (best, and slowest)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l client-max-window-bits -d 'Limit the window that the client compresses with, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l server-max-window-bits -d 'Limit the window that the server compresses with, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -s s -l silent -d 'Do not log requests and the ends of connections on stderr'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l no-compress -d 'Do without permessage-deflate'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l client-no-context-takeover -d 'Compress each message that the client sends for itself alone'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l server-no-context-takeover -d 'Have the server compress each message for itself alone'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
