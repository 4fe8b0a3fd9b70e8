# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wirecat_global_optspecs
    string join \n H/header= origin= A/user-agent= subprotocol= b/cookie= c/cookie-jar= L/location location-trusted max-redirs= http1.1 http2 http2-only http2-prior-knowledge u/user= oauth2-bearer= token= token-via= token-name= token-message= aws-sigv4= aws-sigv4-query n/netrc netrc-file= netrc-optional k/insecure cacert= capath= E/cert= key= pass= tlsv1.2 tlsv1.3 tls-max= pinnedpubkey= crlfile= 4/ipv4 6/ipv6 resolve= connect-to= interface= local-port= happy-eyeballs-timeout-ms= unix-socket= abstract-unix-socket= x/proxy= U/proxy-user= proxy-header= proxy-cacert= proxy-insecure noproxy= socks4= socks4a= socks5= socks5-hostname= connect-timeout= close-timeout= m/max-time= d/data= on-open= answer= frame= then= text binary hex base64 escapes lockstep rate= on-eof= idle= count= until= 1/one-message format= json filter= t/timestamps= show-ping-pong include-secrets color= o/output= record= v/verbose s/silent stats split= exec= exec-header= run= run-after= run-each decode= encode= edit-mode= no-history scrollback= plain var= config= no-config reconnect= no-reconnect reconnect-delay= reconnect-max-delay= reconnect-jitter= reconnect-max-time= reconnect-on= no-reconnect-on= confirm= outbox= resume= state= ping-interval= ping-timeout= no-auto-pong heartbeat= heartbeat-interval= max-message-size= no-compress deflate-level= client-max-window-bits= server-max-window-bits= client-no-context-takeover server-no-context-takeover fragment= mirror from-curl= dry-run to-curl generate= h/help V/version
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

complete -c wirecat -n "__fish_wirecat_needs_command" -s H -l header -d 'Send a header, \'Name: value\' (repeatable); \'Name;\' sends it empty, \'Name:\' removes it, @FILE reads headers from a file, @- from stdin' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l origin -d 'Send this Origin header; browsers send one, and some servers check it' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s A -l user-agent -d 'Send this User-Agent header; \'\' sends none [default: wirecat/VERSION]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l subprotocol -l protocol -d 'Offer a subprotocol (repeatable, in order of preference)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s b -l cookie -d 'Send these cookies to the server of the URL; or, without =, read them from a file in Netscape\'s format (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s c -l cookie-jar -d 'Write all cookies to this file at the end, in Netscape\'s format; a new file can be read only by its owner' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l max-redirs -d 'Maximum number of redirects to follow; -1 is unlimited' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s u -l user -d 'Use Basic authentication; asks for the password if none is given' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l oauth2-bearer -d 'Use Bearer authentication with this token, as in curl' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l token -d 'Take a token from @FILE, env:VAR, cmd:COMMAND or prompt; anything else is the token itself, with @@ for a leading @' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l token-via -d 'Where to put the token: in a header, the query, the first message or a subprotocol [default: header]' -r -f -a "header\t'Authorization: Bearer TOKEN, or the header named by --token-name'
query\t'?token=TOKEN, or the parameter named by --token-name'
message\t'The first message, as given by --token-message'
subprotocol\t'A subprotocol offered in Sec-WebSocket-Protocol'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l token-name -d 'Name of the header [default: Authorization, with Bearer before the token] or of the query parameter [default: token]; with subprotocol, a prefix of the token' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l token-message -d 'Message that carries the token, which replaces {{token}}; implies --token-via message [default: {"event":"token","data":"{{token}}"}]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l aws-sigv4 -d 'Sign the request for AWS, aws:amz[:REGION[:SERVICE]], anew for every connection; the keys are those of -u ID:SECRET or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN [default: the region of the host name or AWS_REGION, execute-api]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l netrc-file -d 'Take user name and password from this file' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l cacert -d 'Trust the certificates in this PEM file instead of the system\'s' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l capath -d 'Trust the certificates in the PEM files of this directory, whatever their names, instead of the system\'s; with --cacert, trust both' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -s E -l cert -d 'Authenticate with the client certificate in this PEM file, which may also contain its key and the certificates of its issuers; \'\\:\' stands for a colon in the name of the file' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l key -d 'Private key of the client certificate: a PEM file (PKCS#8, encrypted or not, PKCS#1 or SEC1)' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l pass -d 'Password of the encrypted private key; without one, wirecat asks for it at the terminal' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l tls-max -d 'Use at most this version of TLS: 1.2 or 1.3' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l pinnedpubkey -d 'Accept only a server with this public key, also with -k: \'sha256//HASH\' in base64 (several with \';\' between them), or a file with the key in PEM or DER form' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l crlfile -d 'Refuse certificates that the revocation lists in this PEM file name; every certificate of the chain but the root needs a list of its issuer that is not out of date, as in curl with OpenSSL' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l resolve -d 'Use these addresses for a host and port instead of looking the name up (repeatable); * is any host, and -HOST:PORT takes an earlier one back' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1 (repeatable); the request and the name in the certificate stay those of the URL. What is left empty is any host or port, or stays as it is' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l interface -d 'Connect from this network interface, address or host name: NAME, HOST, if!NAME, host!HOST or ifhost!NAME!HOST' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l local-port -d 'Connect from this local port, or from the first free one of a range' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l happy-eyeballs-timeout-ms -d 'How many milliseconds an address may take before the next one is tried as well' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l unix-socket -d 'Connect to this Unix socket; the host of the URL is only sent' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l abstract-unix-socket -d 'Connect to this socket in the abstract namespace of Linux' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s x -l proxy -d 'Connect through this proxy, at port 1080 unless given; \'\' uses none [default: from the environment]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s U -l proxy-user -d 'Send these credentials to the proxy (Basic or SOCKS); asks for the password if none is given' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l proxy-header -d 'Send a header to an HTTP proxy, and not to the server (repeatable); otherwise as -H' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l proxy-cacert -d 'Trust the certificates in this PEM file for an https:// proxy' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l noproxy -d 'Connect to these hosts without a proxy, whatever names one [default: from the environment]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l socks4 -d 'Same as -x socks4://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l socks4a -d 'Same as -x socks4a://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l socks5 -d 'Same as -x socks5://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l socks5-hostname -d 'Same as -x socks5h://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l connect-timeout -d 'Maximum time for name lookup, TCP, proxy, TLS and handshake together; also for reading --token @FILE, and for a URL that is @FILE or cmd:COMMAND' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l close-timeout -d 'Maximum time to wait for the server\'s answer to a Close' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s m -l max-time -d 'Maximum time for the whole run; when it is over, exit 28' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s d -l data -d 'Send this message instead of stdin (repeatable); @FILE sends a file as one message, @- all of stdin, and @@ stands for a leading @' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l on-open -d 'Send this message first on every connection, before stdin or -d (repeatable); @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l answer -d 'Answer every received message of which the jq expression EXPR is true (repeatable); in REPLY, {{.id}} is a value of that message' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l frame -d 'How to split stdin into messages' -r -f -a "line\t'Each line is a message'
nul\t'A NUL byte ends each message'
whole\t'All of stdin is one message'
json\t'Each JSON value is a message and may span any number of lines'
events\t'Each line is an event as --json prints it; send, ping, pong, close and frame are carried out, others are skipped'
chunk\t'What was read is sent as it comes, at most 64 KiB a message; chunk:SIZE sends exactly SIZE bytes a message, and what is left at the end'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l then -d 'Send this text message after the end of stdin or -d (repeatable), also with --binary; @FILE and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l rate -d 'Send at most N messages of the input per second' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l on-eof -d 'What to do after the last message is sent' -r -f -a "drain\t'Keep receiving until nothing happens for --idle, --count or --until is met, or the server closes'
close\t'Close as soon as everything is sent'
stay\t'Stay connected until the server closes'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l idle -d 'Idle time after which --on-eof drain closes' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l count -d 'Stop after receiving N messages; exit 1 if there are fewer. 0 is a check: connect, send --on-open and -d, close' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l until -d 'Stop after the first message for which this jq expression is true; exit 1 if there is none' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l format -d 'How to show messages [default: pretty on a terminal, otherwise raw]' -r -f -a "pretty\t'For people: JSON formatted and coloured, binary as a hex dump'
raw\t'The payload; a newline follows text, binary is unchanged'
line\t'One line per message, with newlines and backslashes escaped as --escapes reads them'
hex\t'One line of hex per message'
base64\t'One line of base64 per message'
json\t'Every event as a line of JSON'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l filter -d 'Apply this jq expression to each JSON message and show the results instead of the message' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -s t -l timestamps -d 'Show the time of each message' -r -f -a "short\t'Local time of day'
iso\t'RFC 3339, local time with its offset'
relative\t'Time since the start'
delta\t'Time since the previous line'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c wirecat -n "__fish_wirecat_needs_command" -s o -l output -d 'Write messages to this file instead of stdout' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l record -d 'Also append every event to this file as a line of JSON, whatever is shown' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l split -d 'Cut each received message into records, which --filter, --until, --confirm, --resume and the output get in its place' -r -f -a "nl\t'Each line is a record'
nul\t'A NUL byte ends each record'
rs\t'The byte 0x1E ends each record'
json\t'Each JSON value is a record; what is not JSON is one, with all that follows it'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l exec -d 'Talk to this shell command instead of stdin and stdout: each message is a line on its stdin, each line that it prints a message' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l exec-header -d 'Give --exec this header of the client\'s request as WIRECAT_HEADER_NAME (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l run -d 'Run this shell command once the connection is open and --on-open is sent; if it fails, the run ends with exit 1' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l run-after -d 'Start --run after the first message for which this jq expression is true' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l decode -d 'Decode received binary messages: msgpack, cbor, protobuf, protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several with the outermost first: gzip+msgpack' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l encode -d 'Encode the text messages that are sent, and send them as binary ones: msgpack, cbor, protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several as with --decode' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l edit-mode -d 'How keys edit the line' -r -f -a "emacs\t'The keys of bash and readline'
vi\t'The keys of vi'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l scrollback -d 'How much of what was sent and received to keep for /last, /grep and /save' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l var -d 'Replace {{NAME}} in the path and query of the URL, headers, --on-open, -d, --then, --answer and --heartbeat (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l config -d 'Read defaults and profiles from this file [default: $XDG_CONFIG_HOME/wirecat/config.toml]' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect -d 'Reconnect when the connection is lost, at most N times in a row (unlimited without N) [default: on at the prompt, off in a pipe]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-delay -d 'Delay before the first retry; it doubles with each retry' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-max-delay -d 'Maximum delay between retries (a server\'s Retry-After may exceed it)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-jitter -d 'How retry delays are randomized (jitter), so that the clients of a restarted server do not all connect at once' -r -f -a "equal\t'Half of the delay is fixed, half is random'
full\t'The whole delay is random'
decorrelated\t'Random, up to three times the previous delay'
none\t'The delay is not randomized'"
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-max-time -d 'Give up after this time without a connection' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l reconnect-on -d 'Also reconnect after these close codes, ranges of codes and HTTP statuses: 1000,4000-4099,404. pusher, discord, graphql, centrifugo and phoenix stand for the codes after which clients of these protocols do, and do not, reconnect' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-reconnect-on -d 'Do not reconnect after these (1006 is a lost connection); takes precedence over --reconnect-on. The name of a protocol stands for the codes after which its clients stay away' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l confirm -d 'Send messages again after a reconnect unless they are confirmed: by a pong to a later ping (the default), by the n-th reply, or by the number that a jq expression finds in a reply' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l outbox -d 'Maximum size of unconfirmed messages to keep; reading pauses when it is reached' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l resume -d 'Remember the last value of a jq expression over the received messages (repeatable); it replaces {{NAME}} in --on-open, --heartbeat, headers and the query of the URL' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l state -d 'Keep the values of --resume in this file from one run to the next' -r -F
complete -c wirecat -n "__fish_wirecat_needs_command" -l ping-interval -d 'Send a ping this often [default: 20s at the prompt, never in a pipe]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l ping-timeout -d 'How long the server may be silent after a ping before it is considered dead' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l heartbeat -d 'Send this text message at every --heartbeat-interval, for servers that expect messages from the application; @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l heartbeat-interval -d 'How often to send the message of --heartbeat' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l max-message-size -d 'Maximum size of a received message; a larger one is answered with Close 1009 and ends in exit 110' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l deflate-level -d 'Compression level: 0 (none) to 9 (best and slowest)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l client-max-window-bits -d 'Limit the client\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l server-max-window-bits -d 'Limit the server\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l fragment -d 'Maximum payload of a data frame to send; 0 never fragments [default: messages above 1 MiB are sent in fragments of 256 KiB]' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l from-curl -d 'Take the URL and the options of a curl command line, as browsers copy it: @FILE, - for stdin, or the text itself; options of wirecat win over them' -r
complete -c wirecat -n "__fish_wirecat_needs_command" -l generate -d 'Print the manual page, completions, an example of the configuration file, the JSON Schema of events, or a page for agents' -r -f -a "config\t'An example of the configuration file'
profiles\t'The profiles of the configuration file, one a line'
man\t'The manual page'
schema\t'The JSON Schema of the events of --json'
skill\t'A page for agents: when to use wirecat, recipes, exit codes'
complete-bash\t'Completions for bash'
complete-zsh\t'Completions for zsh'
complete-fish\t'Completions for fish'
complete-powershell\t'Completions for PowerShell'
complete-elvish\t'Completions for elvish'"
complete -c wirecat -n "__fish_wirecat_needs_command" -s L -l location -d 'Follow redirects (301, 302, 303, 307, 308), never from wss to ws; credentials stay behind when they lead to another server'
complete -c wirecat -n "__fish_wirecat_needs_command" -l location-trusted -d 'Follow redirects, and send credentials wherever they lead'
complete -c wirecat -n "__fish_wirecat_needs_command" -l http1.1 -d 'Use HTTP/1.1 for the handshake (the default)'
complete -c wirecat -n "__fish_wirecat_needs_command" -l http2 -d 'Use HTTP/2 (RFC 8441) if the server chooses it in the TLS handshake and accepts WebSocket over it, otherwise HTTP/1.1; -v shows which'
complete -c wirecat -n "__fish_wirecat_needs_command" -l http2-only -d 'Use HTTP/2 or fail; ws:// implies --http2-prior-knowledge'
complete -c wirecat -n "__fish_wirecat_needs_command" -l http2-prior-knowledge -d 'Use HTTP/2 over ws:// without asking the server first; over wss:// same as --http2-only'
complete -c wirecat -n "__fish_wirecat_needs_command" -l aws-sigv4-query -d 'Put the signature of AWS into the query, where it is good for 5 minutes'
complete -c wirecat -n "__fish_wirecat_needs_command" -s n -l netrc -d 'Take user name and password from ~/.netrc, or from the file that $NETRC names'
complete -c wirecat -n "__fish_wirecat_needs_command" -l netrc-optional -d 'The same as --netrc, where the file need not exist'
complete -c wirecat -n "__fish_wirecat_needs_command" -s k -l insecure -d 'Do not verify the server\'s certificate'
complete -c wirecat -n "__fish_wirecat_needs_command" -l tlsv1.2 -d 'Use TLS 1.2 or later (the default)'
complete -c wirecat -n "__fish_wirecat_needs_command" -l tlsv1.3 -d 'Use TLS 1.3 or later'
complete -c wirecat -n "__fish_wirecat_needs_command" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wirecat -n "__fish_wirecat_needs_command" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wirecat -n "__fish_wirecat_needs_command" -l proxy-insecure -d 'Do not verify the certificate of an https:// proxy'
complete -c wirecat -n "__fish_wirecat_needs_command" -l text -d 'Send text messages (the default)'
complete -c wirecat -n "__fish_wirecat_needs_command" -l binary -d 'Send binary messages'
complete -c wirecat -n "__fish_wirecat_needs_command" -l hex -d 'Read -d, stdin and typed lines as hex; sends binary messages unless --text is given'
complete -c wirecat -n "__fish_wirecat_needs_command" -l base64 -d 'Read -d, stdin and typed lines as base64; sends binary messages unless --text is given'
complete -c wirecat -n "__fish_wirecat_needs_command" -l escapes -d 'Interpret escapes in -d, stdin, typed lines, --then, --on-open, --heartbeat and the replies of --answer: \\n \\0 \\x1e \\u2028 \\\\'
complete -c wirecat -n "__fish_wirecat_needs_command" -l lockstep -d 'Wait for the reply to a message before sending the next one, however long that takes (-m limits it)'
complete -c wirecat -n "__fish_wirecat_needs_command" -s 1 -l one-message -d 'Same as --count 1'
complete -c wirecat -n "__fish_wirecat_needs_command" -l json -d 'Same as --format json: every event as a line of JSON'
complete -c wirecat -n "__fish_wirecat_needs_command" -l show-ping-pong -d 'Show pings and pongs'
complete -c wirecat -n "__fish_wirecat_needs_command" -l include-secrets -d 'Show secrets in URLs, headers, notices and events instead of [redacted]'
complete -c wirecat -n "__fish_wirecat_needs_command" -s v -l verbose -d 'Show the handshake and the TLS session; -vv also shows every frame, -vvv also its bytes'
complete -c wirecat -n "__fish_wirecat_needs_command" -s s -l silent -d 'Print nothing on stderr, not even errors (--stats still prints)'
complete -c wirecat -n "__fish_wirecat_needs_command" -l stats -d 'Print counts and times on stderr at the end'
complete -c wirecat -n "__fish_wirecat_needs_command" -l run-each -d 'Start --run again on every connection'
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-history -d 'Neither read nor write the history of typed lines'
complete -c wirecat -n "__fish_wirecat_needs_command" -l plain -d 'Redraw nothing and show one line for each event, for screen readers and slow terminals'
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-config -d 'Read no configuration file'
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-reconnect -d 'Do not reconnect'
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-auto-pong -d 'Do not answer pings, to see how the server reacts'
complete -c wirecat -n "__fish_wirecat_needs_command" -l no-compress -d 'Disable permessage-deflate'
complete -c wirecat -n "__fish_wirecat_needs_command" -l client-no-context-takeover -d 'Reset the client\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_needs_command" -l server-no-context-takeover -d 'Reset the server\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_needs_command" -l mirror -d 'Send every received data message back until the server closes; stdin is not read'
complete -c wirecat -n "__fish_wirecat_needs_command" -l dry-run -d 'Print the request that would be sent, and then the messages that would be sent first, and connect nowhere; -v also says where it would connect'
complete -c wirecat -n "__fish_wirecat_needs_command" -l to-curl -d 'Print the command line of curl that makes the same handshake, and connect nowhere; secrets are redacted, but with --include-secrets'
complete -c wirecat -n "__fish_wirecat_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_needs_command" -s V -l version -d 'Print version'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "demo" -d 'Start the debug server on a free port in this process and connect to it'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "serve" -d 'Run the debug server: endpoints that answer and misbehave on demand, and an event hub'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "listen" -d 'Wait for clients, and talk to them by hand or from a pipe as their server'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "test" -d 'Run scripts (.wst) that say what is sent and what is expected'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "convert" -d 'Make a script of a recording, and recordings of other programs\' files, and back'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "replay" -d 'Show a recording as it was, or send what it sent to a server and compare the replies'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s H -l header -d 'Send a header, \'Name: value\' (repeatable); \'Name;\' sends it empty, \'Name:\' removes it, @FILE reads headers from a file, @- from stdin' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l origin -d 'Send this Origin header; browsers send one, and some servers check it' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s A -l user-agent -d 'Send this User-Agent header; \'\' sends none [default: wirecat/VERSION]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l subprotocol -l protocol -d 'Offer a subprotocol (repeatable, in order of preference)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s b -l cookie -d 'Send these cookies to the server of the URL; or, without =, read them from a file in Netscape\'s format (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s c -l cookie-jar -d 'Write all cookies to this file at the end, in Netscape\'s format; a new file can be read only by its owner' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l max-redirs -d 'Maximum number of redirects to follow; -1 is unlimited' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s u -l user -d 'Use Basic authentication; asks for the password if none is given' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l oauth2-bearer -d 'Use Bearer authentication with this token, as in curl' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l token -d 'Take a token from @FILE, env:VAR, cmd:COMMAND or prompt; anything else is the token itself, with @@ for a leading @' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l token-via -d 'Where to put the token: in a header, the query, the first message or a subprotocol [default: header]' -r -f -a "header\t'Authorization: Bearer TOKEN, or the header named by --token-name'
query\t'?token=TOKEN, or the parameter named by --token-name'
message\t'The first message, as given by --token-message'
subprotocol\t'A subprotocol offered in Sec-WebSocket-Protocol'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l token-name -d 'Name of the header [default: Authorization, with Bearer before the token] or of the query parameter [default: token]; with subprotocol, a prefix of the token' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l token-message -d 'Message that carries the token, which replaces {{token}}; implies --token-via message [default: {"event":"token","data":"{{token}}"}]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l aws-sigv4 -d 'Sign the request for AWS, aws:amz[:REGION[:SERVICE]], anew for every connection; the keys are those of -u ID:SECRET or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN [default: the region of the host name or AWS_REGION, execute-api]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l netrc-file -d 'Take user name and password from this file' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l cacert -d 'Trust the certificates in this PEM file instead of the system\'s' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l capath -d 'Trust the certificates in the PEM files of this directory, whatever their names, instead of the system\'s; with --cacert, trust both' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s E -l cert -d 'Authenticate with the client certificate in this PEM file, which may also contain its key and the certificates of its issuers; \'\\:\' stands for a colon in the name of the file' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l key -d 'Private key of the client certificate: a PEM file (PKCS#8, encrypted or not, PKCS#1 or SEC1)' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l pass -d 'Password of the encrypted private key; without one, wirecat asks for it at the terminal' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l tls-max -d 'Use at most this version of TLS: 1.2 or 1.3' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l pinnedpubkey -d 'Accept only a server with this public key, also with -k: \'sha256//HASH\' in base64 (several with \';\' between them), or a file with the key in PEM or DER form' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l crlfile -d 'Refuse certificates that the revocation lists in this PEM file name; every certificate of the chain but the root needs a list of its issuer that is not out of date, as in curl with OpenSSL' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l resolve -d 'Use these addresses for a host and port instead of looking the name up (repeatable); * is any host, and -HOST:PORT takes an earlier one back' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1 (repeatable); the request and the name in the certificate stay those of the URL. What is left empty is any host or port, or stays as it is' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l interface -d 'Connect from this network interface, address or host name: NAME, HOST, if!NAME, host!HOST or ifhost!NAME!HOST' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l local-port -d 'Connect from this local port, or from the first free one of a range' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l happy-eyeballs-timeout-ms -d 'How many milliseconds an address may take before the next one is tried as well' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l unix-socket -d 'Connect to this Unix socket; the host of the URL is only sent' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l abstract-unix-socket -d 'Connect to this socket in the abstract namespace of Linux' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s x -l proxy -d 'Connect through this proxy, at port 1080 unless given; \'\' uses none [default: from the environment]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s U -l proxy-user -d 'Send these credentials to the proxy (Basic or SOCKS); asks for the password if none is given' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l proxy-header -d 'Send a header to an HTTP proxy, and not to the server (repeatable); otherwise as -H' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l proxy-cacert -d 'Trust the certificates in this PEM file for an https:// proxy' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l noproxy -d 'Connect to these hosts without a proxy, whatever names one [default: from the environment]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l socks4 -d 'Same as -x socks4://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l socks4a -d 'Same as -x socks4a://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l socks5 -d 'Same as -x socks5://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l socks5-hostname -d 'Same as -x socks5h://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l connect-timeout -d 'Maximum time for name lookup, TCP, proxy, TLS and handshake together; also for reading --token @FILE, and for a URL that is @FILE or cmd:COMMAND' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l close-timeout -d 'Maximum time to wait for the server\'s answer to a Close' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s m -l max-time -d 'Maximum time for the whole run; when it is over, exit 28' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s d -l data -d 'Send this message instead of stdin (repeatable); @FILE sends a file as one message, @- all of stdin, and @@ stands for a leading @' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l on-open -d 'Send this message first on every connection, before stdin or -d (repeatable); @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l answer -d 'Answer every received message of which the jq expression EXPR is true (repeatable); in REPLY, {{.id}} is a value of that message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l frame -d 'How to split stdin into messages' -r -f -a "line\t'Each line is a message'
nul\t'A NUL byte ends each message'
whole\t'All of stdin is one message'
json\t'Each JSON value is a message and may span any number of lines'
events\t'Each line is an event as --json prints it; send, ping, pong, close and frame are carried out, others are skipped'
chunk\t'What was read is sent as it comes, at most 64 KiB a message; chunk:SIZE sends exactly SIZE bytes a message, and what is left at the end'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l then -d 'Send this text message after the end of stdin or -d (repeatable), also with --binary; @FILE and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l rate -d 'Send at most N messages of the input per second' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l on-eof -d 'What to do after the last message is sent' -r -f -a "drain\t'Keep receiving until nothing happens for --idle, --count or --until is met, or the server closes'
close\t'Close as soon as everything is sent'
stay\t'Stay connected until the server closes'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l idle -d 'Idle time after which --on-eof drain closes' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l count -d 'Stop after receiving N messages; exit 1 if there are fewer. 0 is a check: connect, send --on-open and -d, close' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l until -d 'Stop after the first message for which this jq expression is true; exit 1 if there is none' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l format -d 'How to show messages [default: pretty on a terminal, otherwise raw]' -r -f -a "pretty\t'For people: JSON formatted and coloured, binary as a hex dump'
raw\t'The payload; a newline follows text, binary is unchanged'
line\t'One line per message, with newlines and backslashes escaped as --escapes reads them'
hex\t'One line of hex per message'
base64\t'One line of base64 per message'
json\t'Every event as a line of JSON'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l filter -d 'Apply this jq expression to each JSON message and show the results instead of the message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s t -l timestamps -d 'Show the time of each message' -r -f -a "short\t'Local time of day'
iso\t'RFC 3339, local time with its offset'
relative\t'Time since the start'
delta\t'Time since the previous line'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s o -l output -d 'Write messages to this file instead of stdout' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l record -d 'Also append every event to this file as a line of JSON, whatever is shown' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l split -d 'Cut each received message into records, which --filter, --until, --confirm, --resume and the output get in its place' -r -f -a "nl\t'Each line is a record'
nul\t'A NUL byte ends each record'
rs\t'The byte 0x1E ends each record'
json\t'Each JSON value is a record; what is not JSON is one, with all that follows it'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l exec -d 'Talk to this shell command instead of stdin and stdout: each message is a line on its stdin, each line that it prints a message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l exec-header -d 'Give --exec this header of the client\'s request as WIRECAT_HEADER_NAME (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l run -d 'Run this shell command once the connection is open and --on-open is sent; if it fails, the run ends with exit 1' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l run-after -d 'Start --run after the first message for which this jq expression is true' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l decode -d 'Decode received binary messages: msgpack, cbor, protobuf, protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several with the outermost first: gzip+msgpack' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l encode -d 'Encode the text messages that are sent, and send them as binary ones: msgpack, cbor, protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several as with --decode' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l edit-mode -d 'How keys edit the line' -r -f -a "emacs\t'The keys of bash and readline'
vi\t'The keys of vi'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l scrollback -d 'How much of what was sent and received to keep for /last, /grep and /save' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l var -d 'Replace {{NAME}} in the path and query of the URL, headers, --on-open, -d, --then, --answer and --heartbeat (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l config -d 'Read defaults and profiles from this file [default: $XDG_CONFIG_HOME/wirecat/config.toml]' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect -d 'Reconnect when the connection is lost, at most N times in a row (unlimited without N) [default: on at the prompt, off in a pipe]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-delay -d 'Delay before the first retry; it doubles with each retry' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-max-delay -d 'Maximum delay between retries (a server\'s Retry-After may exceed it)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-jitter -d 'How retry delays are randomized (jitter), so that the clients of a restarted server do not all connect at once' -r -f -a "equal\t'Half of the delay is fixed, half is random'
full\t'The whole delay is random'
decorrelated\t'Random, up to three times the previous delay'
none\t'The delay is not randomized'"
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-max-time -d 'Give up after this time without a connection' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l reconnect-on -d 'Also reconnect after these close codes, ranges of codes and HTTP statuses: 1000,4000-4099,404. pusher, discord, graphql, centrifugo and phoenix stand for the codes after which clients of these protocols do, and do not, reconnect' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-reconnect-on -d 'Do not reconnect after these (1006 is a lost connection); takes precedence over --reconnect-on. The name of a protocol stands for the codes after which its clients stay away' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l confirm -d 'Send messages again after a reconnect unless they are confirmed: by a pong to a later ping (the default), by the n-th reply, or by the number that a jq expression finds in a reply' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l outbox -d 'Maximum size of unconfirmed messages to keep; reading pauses when it is reached' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l resume -d 'Remember the last value of a jq expression over the received messages (repeatable); it replaces {{NAME}} in --on-open, --heartbeat, headers and the query of the URL' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l state -d 'Keep the values of --resume in this file from one run to the next' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l ping-interval -d 'Send a ping this often [default: 20s at the prompt, never in a pipe]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l ping-timeout -d 'How long the server may be silent after a ping before it is considered dead' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l heartbeat -d 'Send this text message at every --heartbeat-interval, for servers that expect messages from the application; @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l heartbeat-interval -d 'How often to send the message of --heartbeat' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l max-message-size -d 'Maximum size of a received message; a larger one is answered with Close 1009 and ends in exit 110' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l deflate-level -d 'Compression level: 0 (none) to 9 (best and slowest)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l client-max-window-bits -d 'Limit the client\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l server-max-window-bits -d 'Limit the server\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l fragment -d 'Maximum payload of a data frame to send; 0 never fragments [default: messages above 1 MiB are sent in fragments of 256 KiB]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s L -l location -d 'Follow redirects (301, 302, 303, 307, 308), never from wss to ws; credentials stay behind when they lead to another server'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l location-trusted -d 'Follow redirects, and send credentials wherever they lead'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l http1.1 -d 'Use HTTP/1.1 for the handshake (the default)'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l http2 -d 'Use HTTP/2 (RFC 8441) if the server chooses it in the TLS handshake and accepts WebSocket over it, otherwise HTTP/1.1; -v shows which'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l http2-only -d 'Use HTTP/2 or fail; ws:// implies --http2-prior-knowledge'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l http2-prior-knowledge -d 'Use HTTP/2 over ws:// without asking the server first; over wss:// same as --http2-only'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l aws-sigv4-query -d 'Put the signature of AWS into the query, where it is good for 5 minutes'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s n -l netrc -d 'Take user name and password from ~/.netrc, or from the file that $NETRC names'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l netrc-optional -d 'The same as --netrc, where the file need not exist'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s k -l insecure -d 'Do not verify the server\'s certificate'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l tlsv1.2 -d 'Use TLS 1.2 or later (the default)'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l tlsv1.3 -d 'Use TLS 1.3 or later'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l proxy-insecure -d 'Do not verify the certificate of an https:// proxy'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l text -d 'Send text messages (the default)'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l binary -d 'Send binary messages'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l hex -d 'Read -d, stdin and typed lines as hex; sends binary messages unless --text is given'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l base64 -d 'Read -d, stdin and typed lines as base64; sends binary messages unless --text is given'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l escapes -d 'Interpret escapes in -d, stdin, typed lines, --then, --on-open, --heartbeat and the replies of --answer: \\n \\0 \\x1e \\u2028 \\\\'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l lockstep -d 'Wait for the reply to a message before sending the next one, however long that takes (-m limits it)'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s 1 -l one-message -d 'Same as --count 1'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l json -d 'Same as --format json: every event as a line of JSON'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l show-ping-pong -d 'Show pings and pongs'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l include-secrets -d 'Show secrets in URLs, headers, notices and events instead of [redacted]'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s v -l verbose -d 'Show the handshake and the TLS session; -vv also shows every frame, -vvv also its bytes'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s s -l silent -d 'Print nothing on stderr, not even errors (--stats still prints)'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l stats -d 'Print counts and times on stderr at the end'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l run-each -d 'Start --run again on every connection'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-history -d 'Neither read nor write the history of typed lines'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l plain -d 'Redraw nothing and show one line for each event, for screen readers and slow terminals'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-config -d 'Read no configuration file'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-reconnect -d 'Do not reconnect'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-auto-pong -d 'Do not answer pings, to see how the server reacts'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l no-compress -d 'Disable permessage-deflate'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l client-no-context-takeover -d 'Reset the client\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l server-no-context-takeover -d 'Reset the server\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -l mirror -d 'Send every received data message back until the server closes; stdin is not read'
complete -c wirecat -n "__fish_wirecat_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l listen -d 'Same as the argument ADDRESS' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -s p -l port -d 'Set only the port; 0 takes any free port' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l host -l bind -d 'Set only the IP address; any but a loopback address lets other machines connect' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l seed -d 'Seed for the random numbers of ranges like after=2-5; the same seed gives the same numbers' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l ledger -d 'Append each message that /ledger receives to this file before acknowledging it, and read the file at the start; only one server can use the file at a time' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l replay -d 'Play the server\'s half of this recording to each client, whatever its path: the first client gets the first connection of it, the second one the next, and then from the beginning again' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l replay-speed -d 'So many times as fast as it was recorded: 1, 10, 0.5, or max without any waiting [default: 1]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l token -d 'Token of /events and the name of its user (repeatable; @FILE reads one per line) [default: each token is the name of its user]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l slow-client -d 'What to do about a client that reads too slowly' -r -f -a "close\t'Its connection is closed with 1013'
block\t'Those who send to it are not read until there is room'"
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l db -d 'Keep the messages of /events in this SQLite file [default: in memory]' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l retain-count -d 'Number of messages of /events to keep [default: 100000 in memory]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l retain-age -d 'How long to keep messages of /events' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l redis -d 'Keep users, rooms and messages of /events in Redis, so that all servers with the same URL are one hub' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l unix -d 'Listen on a Unix socket at this path, and on an address only if one is given; it is removed at the end, and speaks no TLS' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l unix-mode -d 'Permissions of the Unix socket, in octal: who may write to it may connect' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l cert -d 'Serve TLS with the certificate in this PEM file, which may also contain its key and the certificates of its issuers' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l key -d 'Private key of the certificate: a PEM file (PKCS#8, encrypted or not, PKCS#1 or SEC1)' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l pass -d 'Password of the encrypted private key' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l ca-file -d 'Write the authority of --self-signed to this file instead of stderr' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l client-ca -d 'Admit only clients with a certificate that an authority of this PEM file has issued' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l origin -d 'Allow web pages of this origin, such as http://localhost:3000, besides the server\'s own; \'*\' allows any site that you visit, \'null\' pages from files (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l host-name -d 'Answer requests for this host name, besides localhost and the address; \'*\' for any (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l max-connections -d 'Maximum number of connections; more are answered with 503; 0 for no limit' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l max-connections-per-address -d 'Maximum number of connections from one IP address; 0 for no limit' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l handshake-timeout -d 'Maximum time for TLS, and to receive the head of the request' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l max-head-size -d 'Maximum size of the head of a request; a larger one is answered with 431' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l max-message-size -d 'Maximum size of a message, after inflation; a larger one is answered with Close 1009' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l max-rate -d 'Maximum number of messages per second that a connection may send; more are answered with Close 1008 [default: no limit]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l max-rooms -d 'Maximum number of rooms of /events that a user may be in; 0 for no limit' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l max-users -d 'Maximum number of users of /events with connections at a time; more get Close 1013; 0 for no limit' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l ping-interval -d 'Time between two pings to a client, or \'none\'' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l ping-timeout -d 'How long a client may be silent after a ping before it gets Close 1011, or \'none\'' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l log -d 'How each line of the log is written' -r -f -a "text\t'A sentence'
json\t'A JSON object'"
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l log-file -d 'Append the log to this file instead of writing it to stderr; SIGHUP opens it anew, for a program that rotates logs' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l deflate-level -d 'Compression level: 0 (none) to 9 (best and slowest)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l client-max-window-bits -d 'Limit the client\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l server-max-window-bits -d 'Limit the server\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -s s -l silent -d 'Do not log requests and closed connections on stderr'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l self-signed -d 'Serve TLS with a certificate that is made for this run, for localhost and the addresses listened on; prints the authority that clients are to trust'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l allow-anyone -d 'Listen on an address that other machines can reach although no token is required'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l trust-proxy -d 'Log the last address of X-Forwarded-For, which the proxy in front of the server wrote, as that of the client'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l no-compress -d 'Disable permessage-deflate'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l client-no-context-takeover -d 'Reset the client\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -l server-no-context-takeover -d 'Reset the server\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s p -l port -d 'Set only the port; 0 takes any free port' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l host -l bind -d 'Set only the IP address; any but a loopback address lets other machines connect' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l clients -d 'Serve N clients, one after another, and then end; 0 is without end [default: 1 in a pipe, any number at the same time at the prompt or with --exec]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l max-connections -d 'Maximum number of clients at the same time, at the prompt or with --exec; more are answered with 503 [default: any number at the prompt; with --exec the N of --clients, or 64]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l token -d 'Answer clients with 401 that have no such token, as `Authorization: Bearer TOKEN` or ?token=TOKEN (repeatable): from @FILE with one a line, env:VAR or cmd:COMMAND; anything else is the token itself, which other users of the machine see' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l subprotocol -l protocol -d 'Pick this subprotocol if the client offers it (repeatable, in order of preference) [default: the first that the client offers]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l status -d 'Refuse every valid handshake with this HTTP status, until -m or a signal ends it' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l origin -d 'Allow web pages of this origin, such as http://localhost:3000, besides the server\'s own; \'*\' allows any site that you visit, \'null\' pages from files (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l host-name -d 'Answer requests for this host name, besides localhost and the address; \'*\' for any (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l cert -d 'Serve TLS with the certificate in this PEM file, which may also contain its key and the certificates of its issuers' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l key -d 'Private key of the certificate: a PEM file (PKCS#8, encrypted or not, PKCS#1 or SEC1)' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l pass -d 'Password of the encrypted private key' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l ca-file -d 'Write the authority of --self-signed to this file instead of stderr' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l client-ca -d 'Admit only clients with a certificate that an authority of this PEM file has issued' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l connect-timeout -d 'Maximum time to wait for a client; when it is over, exit 28 [default: without end]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l close-timeout -d 'Maximum time to wait for the client\'s answer to a Close' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s m -l max-time -d 'Maximum time for the whole run; when it is over, exit 28' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s d -l data -d 'Send this message instead of stdin (repeatable); @FILE sends a file as one message, @- all of stdin, and @@ stands for a leading @' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l on-open -d 'Send this message first on every connection, before stdin or -d (repeatable); @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l answer -d 'Answer every received message of which the jq expression EXPR is true (repeatable); in REPLY, {{.id}} is a value of that message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l frame -d 'How to split stdin into messages' -r -f -a "line\t'Each line is a message'
nul\t'A NUL byte ends each message'
whole\t'All of stdin is one message'
json\t'Each JSON value is a message and may span any number of lines'
events\t'Each line is an event as --json prints it; send, ping, pong, close and frame are carried out, others are skipped'
chunk\t'What was read is sent as it comes, at most 64 KiB a message; chunk:SIZE sends exactly SIZE bytes a message, and what is left at the end'"
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l then -d 'Send this text message after the end of stdin or -d (repeatable), also with --binary; @FILE and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l rate -d 'Send at most N messages of the input per second' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l var -d 'Replace {{NAME}} in --on-open, -d and typed lines (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l on-eof -d 'What to do after the last message is sent' -r -f -a "drain\t'Keep receiving until nothing happens for --idle, --count or --until is met, or the server closes'
close\t'Close as soon as everything is sent'
stay\t'Stay connected until the server closes'"
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l idle -d 'Idle time after which --on-eof drain closes' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l count -d 'Stop after receiving N messages; exit 1 if there are fewer. 0 is a check: connect, send --on-open and -d, close' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l until -d 'Stop after the first message for which this jq expression is true; exit 1 if there is none' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l format -d 'How to show messages [default: pretty on a terminal, otherwise raw]' -r -f -a "pretty\t'For people: JSON formatted and coloured, binary as a hex dump'
raw\t'The payload; a newline follows text, binary is unchanged'
line\t'One line per message, with newlines and backslashes escaped as --escapes reads them'
hex\t'One line of hex per message'
base64\t'One line of base64 per message'
json\t'Every event as a line of JSON'"
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l filter -d 'Apply this jq expression to each JSON message and show the results instead of the message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s t -l timestamps -d 'Show the time of each message' -r -f -a "short\t'Local time of day'
iso\t'RFC 3339, local time with its offset'
relative\t'Time since the start'
delta\t'Time since the previous line'"
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s o -l output -d 'Write messages to this file instead of stdout' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l record -d 'Also append every event to this file as a line of JSON, whatever is shown' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l split -d 'Cut each received message into records, which --filter, --until, --confirm, --resume and the output get in its place' -r -f -a "nl\t'Each line is a record'
nul\t'A NUL byte ends each record'
rs\t'The byte 0x1E ends each record'
json\t'Each JSON value is a record; what is not JSON is one, with all that follows it'"
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l exec -d 'Talk to this shell command instead of stdin and stdout: each message is a line on its stdin, each line that it prints a message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l exec-header -d 'Give --exec this header of the client\'s request as WIRECAT_HEADER_NAME (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l run -d 'Run this shell command once the connection is open and --on-open is sent; if it fails, the run ends with exit 1' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l run-after -d 'Start --run after the first message for which this jq expression is true' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l decode -d 'Decode received binary messages: msgpack, cbor, protobuf, protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several with the outermost first: gzip+msgpack' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l encode -d 'Encode the text messages that are sent, and send them as binary ones: msgpack, cbor, protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several as with --decode' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l edit-mode -d 'How keys edit the line' -r -f -a "emacs\t'The keys of bash and readline'
vi\t'The keys of vi'"
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l scrollback -d 'How much of what was sent and received to keep for /last, /grep and /save' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l ping-interval -d 'Send a ping this often [default: 20s at the prompt, never in a pipe]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l ping-timeout -d 'How long the server may be silent after a ping before it is considered dead' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l heartbeat -d 'Send this text message at every --heartbeat-interval, for servers that expect messages from the application; @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l heartbeat-interval -d 'How often to send the message of --heartbeat' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l max-message-size -d 'Maximum size of a received message; a larger one is answered with Close 1009 and ends in exit 110' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l deflate-level -d 'Compression level: 0 (none) to 9 (best and slowest)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l client-max-window-bits -d 'Limit the client\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l server-max-window-bits -d 'Limit the server\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l fragment -d 'Maximum payload of a data frame to send; 0 never fragments [default: messages above 1 MiB are sent in fragments of 256 KiB]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l allow-anyone -d 'Listen on an address that other machines can reach although no token is required'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l self-signed -d 'Serve TLS with a certificate that is made for this run, for localhost and the addresses listened on; prints the authority that clients are to trust'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l text -d 'Send text messages (the default)'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l binary -d 'Send binary messages'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l hex -d 'Read -d, stdin and typed lines as hex; sends binary messages unless --text is given'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l base64 -d 'Read -d, stdin and typed lines as base64; sends binary messages unless --text is given'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l escapes -d 'Interpret escapes in -d, stdin, typed lines, --then, --on-open, --heartbeat and the replies of --answer: \\n \\0 \\x1e \\u2028 \\\\'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l lockstep -d 'Wait for the reply to a message before sending the next one, however long that takes (-m limits it)'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s 1 -l one-message -d 'Same as --count 1'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l json -d 'Same as --format json: every event as a line of JSON'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l show-ping-pong -d 'Show pings and pongs'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l include-secrets -d 'Show secrets in URLs, headers, notices and events instead of [redacted]'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s v -l verbose -d 'Show the handshake and the TLS session; -vv also shows every frame, -vvv also its bytes'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s s -l silent -d 'Print nothing on stderr, not even errors (--stats still prints)'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l stats -d 'Print counts and times on stderr at the end'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l run-each -d 'Start --run again on every connection'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l no-history -d 'Neither read nor write the history of typed lines'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l plain -d 'Redraw nothing and show one line for each event, for screen readers and slow terminals'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l no-auto-pong -d 'Do not answer pings, to see how the server reacts'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l no-compress -d 'Disable permessage-deflate'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l client-no-context-takeover -d 'Reset the client\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l server-no-context-takeover -d 'Reset the server\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -l mirror -d 'Send every received data message back until the server closes; stdin is not read'
complete -c wirecat -n "__fish_wirecat_using_subcommand listen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l only -d 'Run only tests of this name; * and ? stand for any characters, and for any one (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -s j -l jobs -d 'Run so many files at the same time [default: number of processors]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l repeat -d 'Run all of it N times' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l retry -d 'Run a test that fails again, up to N times' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l var -d 'Replace {{NAME}} in the scripts (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l vars -d 'Read variables from this file: lines of NAME=VALUE, or a JSON object (repeatable)' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l env -d 'Take this environment of http-client.env.json, which is beside an .http file' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l report -d 'Report as human, tap, junit or json; KIND=FILE writes to a file (repeatable) [default: human]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l record -d 'Record each connection in a file of this folder, which is made if there is none' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l schema -d 'Hold every received message against this JSON Schema' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l file-root -d 'Let scripts read files of this folder, and below it [default: that of each script]' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l fail-fast -d 'Stop after the first test that fails'
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l include-secrets -d 'Show secrets in reports and recordings instead of [redacted]'
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -l allow-commands -d 'Let scripts run commands: cmd: in a token, an answer, --on-open or --decode, and --run'
complete -c wirecat -n "__fish_wirecat_using_subcommand test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_using_subcommand convert" -l to -d 'What to write [default: by the ending of --output, or else wst]' -r -f -a "recording\t'Events, as --record writes them'
har\t'An HTTP archive, for browsers and proxies'
wst\t'A script for wirecat test'
asciicast\t'A terminal session, for asciinema'
text\t'What the prompt shows'"
complete -c wirecat -n "__fish_wirecat_using_subcommand convert" -s o -l output -d 'Write to this file instead of stdout; its ending says the form: .jsonl, .har, .wst, .cast, .txt' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand convert" -l entry -d 'Convert only the connection with this number, as --list shows it' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand convert" -l list -d 'List the connections in the file, a line each, and write nothing'
complete -c wirecat -n "__fish_wirecat_using_subcommand convert" -l include-secrets -d 'Keep secrets in URLs and headers, and in messages that name them, instead of [redacted] or a variable'
complete -c wirecat -n "__fish_wirecat_using_subcommand convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l speed -d 'So many times as fast as it was recorded: 1, 10, 0.5, or max without any waiting [default: 1; max where a recording is shown in a pipe]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l entry -d 'Take only the N-th connection of the recording [default: all of them, in order]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l ignore -d 'Delete this jq path, such as .ts, from the replies on both sides before they are compared (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l reply-timeout -d 'How long a reply may be late' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s H -l header -d 'Send a header, \'Name: value\' (repeatable); \'Name;\' sends it empty, \'Name:\' removes it, @FILE reads headers from a file, @- from stdin' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l origin -d 'Send this Origin header; browsers send one, and some servers check it' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s A -l user-agent -d 'Send this User-Agent header; \'\' sends none [default: wirecat/VERSION]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l subprotocol -l protocol -d 'Offer a subprotocol (repeatable, in order of preference)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s b -l cookie -d 'Send these cookies to the server of the URL; or, without =, read them from a file in Netscape\'s format (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s c -l cookie-jar -d 'Write all cookies to this file at the end, in Netscape\'s format; a new file can be read only by its owner' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l max-redirs -d 'Maximum number of redirects to follow; -1 is unlimited' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s u -l user -d 'Use Basic authentication; asks for the password if none is given' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l oauth2-bearer -d 'Use Bearer authentication with this token, as in curl' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l token -d 'Take a token from @FILE, env:VAR, cmd:COMMAND or prompt; anything else is the token itself, with @@ for a leading @' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l token-via -d 'Where to put the token: in a header, the query, the first message or a subprotocol [default: header]' -r -f -a "header\t'Authorization: Bearer TOKEN, or the header named by --token-name'
query\t'?token=TOKEN, or the parameter named by --token-name'
message\t'The first message, as given by --token-message'
subprotocol\t'A subprotocol offered in Sec-WebSocket-Protocol'"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l token-name -d 'Name of the header [default: Authorization, with Bearer before the token] or of the query parameter [default: token]; with subprotocol, a prefix of the token' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l token-message -d 'Message that carries the token, which replaces {{token}}; implies --token-via message [default: {"event":"token","data":"{{token}}"}]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l aws-sigv4 -d 'Sign the request for AWS, aws:amz[:REGION[:SERVICE]], anew for every connection; the keys are those of -u ID:SECRET or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN [default: the region of the host name or AWS_REGION, execute-api]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l netrc-file -d 'Take user name and password from this file' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l cacert -d 'Trust the certificates in this PEM file instead of the system\'s' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l capath -d 'Trust the certificates in the PEM files of this directory, whatever their names, instead of the system\'s; with --cacert, trust both' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s E -l cert -d 'Authenticate with the client certificate in this PEM file, which may also contain its key and the certificates of its issuers; \'\\:\' stands for a colon in the name of the file' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l key -d 'Private key of the client certificate: a PEM file (PKCS#8, encrypted or not, PKCS#1 or SEC1)' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l pass -d 'Password of the encrypted private key; without one, wirecat asks for it at the terminal' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l tls-max -d 'Use at most this version of TLS: 1.2 or 1.3' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l pinnedpubkey -d 'Accept only a server with this public key, also with -k: \'sha256//HASH\' in base64 (several with \';\' between them), or a file with the key in PEM or DER form' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l crlfile -d 'Refuse certificates that the revocation lists in this PEM file name; every certificate of the chain but the root needs a list of its issuer that is not out of date, as in curl with OpenSSL' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l resolve -d 'Use these addresses for a host and port instead of looking the name up (repeatable); * is any host, and -HOST:PORT takes an earlier one back' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l connect-to -d 'Connect to HOST2:PORT2 instead of HOST1:PORT1 (repeatable); the request and the name in the certificate stay those of the URL. What is left empty is any host or port, or stays as it is' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l interface -d 'Connect from this network interface, address or host name: NAME, HOST, if!NAME, host!HOST or ifhost!NAME!HOST' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l local-port -d 'Connect from this local port, or from the first free one of a range' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l happy-eyeballs-timeout-ms -d 'How many milliseconds an address may take before the next one is tried as well' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l unix-socket -d 'Connect to this Unix socket; the host of the URL is only sent' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l abstract-unix-socket -d 'Connect to this socket in the abstract namespace of Linux' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s x -l proxy -d 'Connect through this proxy, at port 1080 unless given; \'\' uses none [default: from the environment]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s U -l proxy-user -d 'Send these credentials to the proxy (Basic or SOCKS); asks for the password if none is given' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l proxy-header -d 'Send a header to an HTTP proxy, and not to the server (repeatable); otherwise as -H' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l proxy-cacert -d 'Trust the certificates in this PEM file for an https:// proxy' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l noproxy -d 'Connect to these hosts without a proxy, whatever names one [default: from the environment]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l socks4 -d 'Same as -x socks4://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l socks4a -d 'Same as -x socks4a://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l socks5 -d 'Same as -x socks5://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l socks5-hostname -d 'Same as -x socks5h://HOST:PORT' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l connect-timeout -d 'Maximum time for name lookup, TCP, proxy, TLS and handshake together; also for reading --token @FILE, and for a URL that is @FILE or cmd:COMMAND' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l close-timeout -d 'Maximum time to wait for the server\'s answer to a Close' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s m -l max-time -d 'Maximum time for the whole run; when it is over, exit 28' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s d -l data -d 'Send this message instead of stdin (repeatable); @FILE sends a file as one message, @- all of stdin, and @@ stands for a leading @' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l on-open -d 'Send this message first on every connection, before stdin or -d (repeatable); @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l answer -d 'Answer every received message of which the jq expression EXPR is true (repeatable); in REPLY, {{.id}} is a value of that message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l frame -d 'How to split stdin into messages' -r -f -a "line\t'Each line is a message'
nul\t'A NUL byte ends each message'
whole\t'All of stdin is one message'
json\t'Each JSON value is a message and may span any number of lines'
events\t'Each line is an event as --json prints it; send, ping, pong, close and frame are carried out, others are skipped'
chunk\t'What was read is sent as it comes, at most 64 KiB a message; chunk:SIZE sends exactly SIZE bytes a message, and what is left at the end'"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l then -d 'Send this text message after the end of stdin or -d (repeatable), also with --binary; @FILE and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l rate -d 'Send at most N messages of the input per second' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l on-eof -d 'What to do after the last message is sent' -r -f -a "drain\t'Keep receiving until nothing happens for --idle, --count or --until is met, or the server closes'
close\t'Close as soon as everything is sent'
stay\t'Stay connected until the server closes'"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l idle -d 'Idle time after which --on-eof drain closes' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l count -d 'Stop after receiving N messages; exit 1 if there are fewer. 0 is a check: connect, send --on-open and -d, close' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l until -d 'Stop after the first message for which this jq expression is true; exit 1 if there is none' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l format -d 'How to show messages [default: pretty on a terminal, otherwise raw]' -r -f -a "pretty\t'For people: JSON formatted and coloured, binary as a hex dump'
raw\t'The payload; a newline follows text, binary is unchanged'
line\t'One line per message, with newlines and backslashes escaped as --escapes reads them'
hex\t'One line of hex per message'
base64\t'One line of base64 per message'
json\t'Every event as a line of JSON'"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l filter -d 'Apply this jq expression to each JSON message and show the results instead of the message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s t -l timestamps -d 'Show the time of each message' -r -f -a "short\t'Local time of day'
iso\t'RFC 3339, local time with its offset'
relative\t'Time since the start'
delta\t'Time since the previous line'"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l color -d 'When to use colours' -r -f -a "auto\t''
always\t''
never\t''"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s o -l output -d 'Write messages to this file instead of stdout' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l record -d 'Also append every event to this file as a line of JSON, whatever is shown' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l split -d 'Cut each received message into records, which --filter, --until, --confirm, --resume and the output get in its place' -r -f -a "nl\t'Each line is a record'
nul\t'A NUL byte ends each record'
rs\t'The byte 0x1E ends each record'
json\t'Each JSON value is a record; what is not JSON is one, with all that follows it'"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l exec -d 'Talk to this shell command instead of stdin and stdout: each message is a line on its stdin, each line that it prints a message' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l exec-header -d 'Give --exec this header of the client\'s request as WIRECAT_HEADER_NAME (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l run -d 'Run this shell command once the connection is open and --on-open is sent; if it fails, the run ends with exit 1' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l run-after -d 'Start --run after the first message for which this jq expression is true' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l decode -d 'Decode received binary messages: msgpack, cbor, protobuf, protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several with the outermost first: gzip+msgpack' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l encode -d 'Encode the text messages that are sent, and send them as binary ones: msgpack, cbor, protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several as with --decode' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l edit-mode -d 'How keys edit the line' -r -f -a "emacs\t'The keys of bash and readline'
vi\t'The keys of vi'"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l scrollback -d 'How much of what was sent and received to keep for /last, /grep and /save' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l var -d 'Replace {{NAME}} in the path and query of the URL, headers, --on-open, -d, --then, --answer and --heartbeat (repeatable)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l config -d 'Read defaults and profiles from this file [default: $XDG_CONFIG_HOME/wirecat/config.toml]' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l reconnect -d 'Reconnect when the connection is lost, at most N times in a row (unlimited without N) [default: on at the prompt, off in a pipe]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l reconnect-delay -d 'Delay before the first retry; it doubles with each retry' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l reconnect-max-delay -d 'Maximum delay between retries (a server\'s Retry-After may exceed it)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l reconnect-jitter -d 'How retry delays are randomized (jitter), so that the clients of a restarted server do not all connect at once' -r -f -a "equal\t'Half of the delay is fixed, half is random'
full\t'The whole delay is random'
decorrelated\t'Random, up to three times the previous delay'
none\t'The delay is not randomized'"
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l reconnect-max-time -d 'Give up after this time without a connection' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l reconnect-on -d 'Also reconnect after these close codes, ranges of codes and HTTP statuses: 1000,4000-4099,404. pusher, discord, graphql, centrifugo and phoenix stand for the codes after which clients of these protocols do, and do not, reconnect' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l no-reconnect-on -d 'Do not reconnect after these (1006 is a lost connection); takes precedence over --reconnect-on. The name of a protocol stands for the codes after which its clients stay away' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l confirm -d 'Send messages again after a reconnect unless they are confirmed: by a pong to a later ping (the default), by the n-th reply, or by the number that a jq expression finds in a reply' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l outbox -d 'Maximum size of unconfirmed messages to keep; reading pauses when it is reached' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l resume -d 'Remember the last value of a jq expression over the received messages (repeatable); it replaces {{NAME}} in --on-open, --heartbeat, headers and the query of the URL' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l state -d 'Keep the values of --resume in this file from one run to the next' -r -F
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l ping-interval -d 'Send a ping this often [default: 20s at the prompt, never in a pipe]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l ping-timeout -d 'How long the server may be silent after a ping before it is considered dead' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l heartbeat -d 'Send this text message at every --heartbeat-interval, for servers that expect messages from the application; @FILE, @- and @@ as with -d' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l heartbeat-interval -d 'How often to send the message of --heartbeat' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l max-message-size -d 'Maximum size of a received message; a larger one is answered with Close 1009 and ends in exit 110' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l deflate-level -d 'Compression level: 0 (none) to 9 (best and slowest)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l client-max-window-bits -d 'Limit the client\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l server-max-window-bits -d 'Limit the server\'s compression window, in bits: 9 (512 bytes) to 15 (32 KiB)' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l fragment -d 'Maximum payload of a data frame to send; 0 never fragments [default: messages above 1 MiB are sent in fragments of 256 KiB]' -r
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l unordered -d 'Take the replies in any order'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s L -l location -d 'Follow redirects (301, 302, 303, 307, 308), never from wss to ws; credentials stay behind when they lead to another server'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l location-trusted -d 'Follow redirects, and send credentials wherever they lead'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l http1.1 -d 'Use HTTP/1.1 for the handshake (the default)'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l http2 -d 'Use HTTP/2 (RFC 8441) if the server chooses it in the TLS handshake and accepts WebSocket over it, otherwise HTTP/1.1; -v shows which'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l http2-only -d 'Use HTTP/2 or fail; ws:// implies --http2-prior-knowledge'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l http2-prior-knowledge -d 'Use HTTP/2 over ws:// without asking the server first; over wss:// same as --http2-only'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l aws-sigv4-query -d 'Put the signature of AWS into the query, where it is good for 5 minutes'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s n -l netrc -d 'Take user name and password from ~/.netrc, or from the file that $NETRC names'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l netrc-optional -d 'The same as --netrc, where the file need not exist'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s k -l insecure -d 'Do not verify the server\'s certificate'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l tlsv1.2 -d 'Use TLS 1.2 or later (the default)'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l tlsv1.3 -d 'Use TLS 1.3 or later'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s 4 -l ipv4 -d 'Use IPv4 addresses only'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s 6 -l ipv6 -d 'Use IPv6 addresses only'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l proxy-insecure -d 'Do not verify the certificate of an https:// proxy'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l text -d 'Send text messages (the default)'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l binary -d 'Send binary messages'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l hex -d 'Read -d, stdin and typed lines as hex; sends binary messages unless --text is given'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l base64 -d 'Read -d, stdin and typed lines as base64; sends binary messages unless --text is given'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l escapes -d 'Interpret escapes in -d, stdin, typed lines, --then, --on-open, --heartbeat and the replies of --answer: \\n \\0 \\x1e \\u2028 \\\\'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l lockstep -d 'Wait for the reply to a message before sending the next one, however long that takes (-m limits it)'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s 1 -l one-message -d 'Same as --count 1'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l json -d 'Same as --format json: every event as a line of JSON'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l show-ping-pong -d 'Show pings and pongs'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l include-secrets -d 'Show secrets in URLs, headers, notices and events instead of [redacted]'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s v -l verbose -d 'Show the handshake and the TLS session; -vv also shows every frame, -vvv also its bytes'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s s -l silent -d 'Print nothing on stderr, not even errors (--stats still prints)'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l stats -d 'Print counts and times on stderr at the end'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l run-each -d 'Start --run again on every connection'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l no-history -d 'Neither read nor write the history of typed lines'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l plain -d 'Redraw nothing and show one line for each event, for screen readers and slow terminals'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l no-config -d 'Read no configuration file'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l no-reconnect -d 'Do not reconnect'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l no-auto-pong -d 'Do not answer pings, to see how the server reacts'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l no-compress -d 'Disable permessage-deflate'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l client-no-context-takeover -d 'Reset the client\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l server-no-context-takeover -d 'Reset the server\'s compression context after each message'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -l mirror -d 'Send every received data message back until the server closes; stdin is not read'
complete -c wirecat -n "__fish_wirecat_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wirecat -n "__fish_wirecat_needs_command" -a "(wirecat --generate profiles 2>/dev/null)"
