
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'wirecat' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'wirecat'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'wirecat' {
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Add a header, ''Name: value'' (repeatable); ''Name;'' sends it empty, ''Name:'' removes it, @FILE reads headers from a file')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Add a header, ''Name: value'' (repeatable); ''Name;'' sends it empty, ''Name:'' removes it, @FILE reads headers from a file')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'The Origin header, which browsers send and some servers check')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'The User-Agent header; '''' sends none [default: wirecat/VERSION]')
            [CompletionResult]::new('--user-agent', '--user-agent', [CompletionResultType]::ParameterName, 'The User-Agent header; '''' sends none [default: wirecat/VERSION]')
            [CompletionResult]::new('--subprotocol', '--subprotocol', [CompletionResultType]::ParameterName, 'Offer a subprotocol (repeatable; the preferred one first)')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Offer a subprotocol (repeatable; the preferred one first)')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Basic authentication; asks for the password if there is none')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Basic authentication; asks for the password if there is none')
            [CompletionResult]::new('--oauth2-bearer', '--oauth2-bearer', [CompletionResultType]::ParameterName, 'Bearer authentication: the token itself, as curl takes it')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Take a token from @FILE, env:VAR, cmd:COMMAND or prompt; anything else is the token itself')
            [CompletionResult]::new('--token-via', '--token-via', [CompletionResultType]::ParameterName, 'Where the token goes: in a header, the query, the first message or a subprotocol [default: header]')
            [CompletionResult]::new('--token-name', '--token-name', [CompletionResultType]::ParameterName, 'The name of the header [default: Authorization, with Bearer before the token] or of the query parameter [default: token]; with subprotocol, the text that goes before the token')
            [CompletionResult]::new('--token-message', '--token-message', [CompletionResultType]::ParameterName, 'The message that carries the token, in place of {{token}}; implies --token-via message [default: {"event":"token","data":"{{token}}"}]')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file instead of the system''s')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Limit for name lookup, TCP, TLS and handshake together')
            [CompletionResult]::new('--close-timeout', '--close-timeout', [CompletionResultType]::ParameterName, 'Limit for the server''s answer to our Close')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Limit for the whole run; when it is over, exit 28')
            [CompletionResult]::new('--max-time', '--max-time', [CompletionResultType]::ParameterName, 'Limit for the whole run; when it is over, exit 28')
            [CompletionResult]::new('--ping-interval', '--ping-interval', [CompletionResultType]::ParameterName, 'Send a ping this often [default: 20s when interactive, otherwise never]')
            [CompletionResult]::new('--ping-timeout', '--ping-timeout', [CompletionResultType]::ParameterName, 'How long after a ping the server may be silent before it counts as dead')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Send this instead of stdin (repeatable); @FILE sends a file, @- all of stdin, as one message')
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Send this instead of stdin (repeatable); @FILE sends a file, @- all of stdin, as one message')
            [CompletionResult]::new('--on-open', '--on-open', [CompletionResultType]::ParameterName, 'Send this first, before stdin or -d (repeatable); @FILE and @- as with -d')
            [CompletionResult]::new('--frame', '--frame', [CompletionResultType]::ParameterName, 'How stdin is cut into messages')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Send at most this many messages a second')
            [CompletionResult]::new('--on-eof', '--on-eof', [CompletionResultType]::ParameterName, 'What to do after the last message is sent')
            [CompletionResult]::new('--idle', '--idle', [CompletionResultType]::ParameterName, 'How long --on-eof drain waits with nothing sent or received')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Stop after N messages received; exit 1 if there are fewer')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Stop after the first message for which this jq expression is true; exit 1 if there is none')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How messages are shown [default: pretty on a terminal, otherwise raw]')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Show the results of this jq expression for each JSON message, in place of the message')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Show the time of each message')
            [CompletionResult]::new('--timestamps', '--timestamps', [CompletionResultType]::ParameterName, 'Show the time of each message')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write messages to this file instead of stdout')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write messages to this file instead of stdout')
            [CompletionResult]::new('--max-message-size', '--max-message-size', [CompletionResultType]::ParameterName, 'The largest message to receive; a larger one is answered with Close 1009 and exit 110')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Print the manual page or a shell completion')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Do not check the server''s certificate')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Do not check the server''s certificate')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'Send text messages (the default)')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'Send binary messages')
            [CompletionResult]::new('--hex', '--hex', [CompletionResultType]::ParameterName, 'Read -d, stdin and the prompt as hex; sends binary messages unless --text')
            [CompletionResult]::new('--base64', '--base64', [CompletionResultType]::ParameterName, 'Read -d, stdin and the prompt as base64; sends binary messages unless --text')
            [CompletionResult]::new('--escapes', '--escapes', [CompletionResultType]::ParameterName, 'Read escapes in -d, stdin and the prompt: \n \0 \x1e \u2028 \\')
            [CompletionResult]::new('--lockstep', '--lockstep', [CompletionResultType]::ParameterName, 'Send the next message only after a reply, however long that takes (-m sets a limit)')
            [CompletionResult]::new('-1', '-1', [CompletionResultType]::ParameterName, 'The same as --count 1')
            [CompletionResult]::new('--one-message', '--one-message', [CompletionResultType]::ParameterName, 'The same as --count 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json: every event as a line of JSON')
            [CompletionResult]::new('--show-ping-pong', '--show-ping-pong', [CompletionResultType]::ParameterName, 'Show pings and pongs')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the handshake and TLS')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the handshake and TLS')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Say nothing on stderr, not even errors (--stats still does)')
            [CompletionResult]::new('--silent', '--silent', [CompletionResultType]::ParameterName, 'Say nothing on stderr, not even errors (--stats still does)')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Print counts and times on stderr at the end')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Start the debug server on a free port in this process and connect to it')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the debug server: echo, refusals and closes on demand')
            break
        }
        'wirecat;demo' {
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'Add a header, ''Name: value'' (repeatable); ''Name;'' sends it empty, ''Name:'' removes it, @FILE reads headers from a file')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Add a header, ''Name: value'' (repeatable); ''Name;'' sends it empty, ''Name:'' removes it, @FILE reads headers from a file')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'The Origin header, which browsers send and some servers check')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'The User-Agent header; '''' sends none [default: wirecat/VERSION]')
            [CompletionResult]::new('--user-agent', '--user-agent', [CompletionResultType]::ParameterName, 'The User-Agent header; '''' sends none [default: wirecat/VERSION]')
            [CompletionResult]::new('--subprotocol', '--subprotocol', [CompletionResultType]::ParameterName, 'Offer a subprotocol (repeatable; the preferred one first)')
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Offer a subprotocol (repeatable; the preferred one first)')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Basic authentication; asks for the password if there is none')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Basic authentication; asks for the password if there is none')
            [CompletionResult]::new('--oauth2-bearer', '--oauth2-bearer', [CompletionResultType]::ParameterName, 'Bearer authentication: the token itself, as curl takes it')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Take a token from @FILE, env:VAR, cmd:COMMAND or prompt; anything else is the token itself')
            [CompletionResult]::new('--token-via', '--token-via', [CompletionResultType]::ParameterName, 'Where the token goes: in a header, the query, the first message or a subprotocol [default: header]')
            [CompletionResult]::new('--token-name', '--token-name', [CompletionResultType]::ParameterName, 'The name of the header [default: Authorization, with Bearer before the token] or of the query parameter [default: token]; with subprotocol, the text that goes before the token')
            [CompletionResult]::new('--token-message', '--token-message', [CompletionResultType]::ParameterName, 'The message that carries the token, in place of {{token}}; implies --token-via message [default: {"event":"token","data":"{{token}}"}]')
            [CompletionResult]::new('--cacert', '--cacert', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file instead of the system''s')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Limit for name lookup, TCP, TLS and handshake together')
            [CompletionResult]::new('--close-timeout', '--close-timeout', [CompletionResultType]::ParameterName, 'Limit for the server''s answer to our Close')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Limit for the whole run; when it is over, exit 28')
            [CompletionResult]::new('--max-time', '--max-time', [CompletionResultType]::ParameterName, 'Limit for the whole run; when it is over, exit 28')
            [CompletionResult]::new('--ping-interval', '--ping-interval', [CompletionResultType]::ParameterName, 'Send a ping this often [default: 20s when interactive, otherwise never]')
            [CompletionResult]::new('--ping-timeout', '--ping-timeout', [CompletionResultType]::ParameterName, 'How long after a ping the server may be silent before it counts as dead')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Send this instead of stdin (repeatable); @FILE sends a file, @- all of stdin, as one message')
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Send this instead of stdin (repeatable); @FILE sends a file, @- all of stdin, as one message')
            [CompletionResult]::new('--on-open', '--on-open', [CompletionResultType]::ParameterName, 'Send this first, before stdin or -d (repeatable); @FILE and @- as with -d')
            [CompletionResult]::new('--frame', '--frame', [CompletionResultType]::ParameterName, 'How stdin is cut into messages')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Send at most this many messages a second')
            [CompletionResult]::new('--on-eof', '--on-eof', [CompletionResultType]::ParameterName, 'What to do after the last message is sent')
            [CompletionResult]::new('--idle', '--idle', [CompletionResultType]::ParameterName, 'How long --on-eof drain waits with nothing sent or received')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Stop after N messages received; exit 1 if there are fewer')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Stop after the first message for which this jq expression is true; exit 1 if there is none')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How messages are shown [default: pretty on a terminal, otherwise raw]')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Show the results of this jq expression for each JSON message, in place of the message')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Show the time of each message')
            [CompletionResult]::new('--timestamps', '--timestamps', [CompletionResultType]::ParameterName, 'Show the time of each message')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write messages to this file instead of stdout')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write messages to this file instead of stdout')
            [CompletionResult]::new('--max-message-size', '--max-message-size', [CompletionResultType]::ParameterName, 'The largest message to receive; a larger one is answered with Close 1009 and exit 110')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'Do not check the server''s certificate')
            [CompletionResult]::new('--insecure', '--insecure', [CompletionResultType]::ParameterName, 'Do not check the server''s certificate')
            [CompletionResult]::new('--text', '--text', [CompletionResultType]::ParameterName, 'Send text messages (the default)')
            [CompletionResult]::new('--binary', '--binary', [CompletionResultType]::ParameterName, 'Send binary messages')
            [CompletionResult]::new('--hex', '--hex', [CompletionResultType]::ParameterName, 'Read -d, stdin and the prompt as hex; sends binary messages unless --text')
            [CompletionResult]::new('--base64', '--base64', [CompletionResultType]::ParameterName, 'Read -d, stdin and the prompt as base64; sends binary messages unless --text')
            [CompletionResult]::new('--escapes', '--escapes', [CompletionResultType]::ParameterName, 'Read escapes in -d, stdin and the prompt: \n \0 \x1e \u2028 \\')
            [CompletionResult]::new('--lockstep', '--lockstep', [CompletionResultType]::ParameterName, 'Send the next message only after a reply, however long that takes (-m sets a limit)')
            [CompletionResult]::new('-1', '-1', [CompletionResultType]::ParameterName, 'The same as --count 1')
            [CompletionResult]::new('--one-message', '--one-message', [CompletionResultType]::ParameterName, 'The same as --count 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json: every event as a line of JSON')
            [CompletionResult]::new('--show-ping-pong', '--show-ping-pong', [CompletionResultType]::ParameterName, 'Show pings and pongs')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the handshake and TLS')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show the handshake and TLS')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Say nothing on stderr, not even errors (--stats still does)')
            [CompletionResult]::new('--silent', '--silent', [CompletionResultType]::ParameterName, 'Say nothing on stderr, not even errors (--stats still does)')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Print counts and times on stderr at the end')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'wirecat;serve' {
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'The same, given as an option')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Set only the port; 0 takes a free one')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Set only the port; 0 takes a free one')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Set only the address; any but a loopback address lets other machines in')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Set only the address; any but a loopback address lets other machines in')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Do not log requests and the ends of connections on stderr')
            [CompletionResult]::new('--silent', '--silent', [CompletionResultType]::ParameterName, 'Do not log requests and the ends of connections on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
