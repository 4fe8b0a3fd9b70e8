//! The text of `/help keys`.

/// The keys that edit a line, in both modes.
pub(super) const KEYS: &str = "\
Enter                   send the line; in JSON that is not closed: begin its next line
Enter on an empty line  send JSON that is not closed as it is
Alt-Enter               begin a new line of the message
Ctrl-C                  drop the line; twice on an empty one: leave
Ctrl-D                  on an empty line: leave
Tab                     complete; a second one lists what may come next
Right                   at the end of the line: take over what is suggested
Up, Down                earlier and later lines
Ctrl-Home, Ctrl-End     to the ends of a message that is longer than the screen
Ctrl-R                  search earlier lines; again for an older one, Ctrl-G to stop
Ctrl-X h                earlier lines of all hosts, or of this host again
Ctrl-X Ctrl-E           edit the line in $VISUAL or $EDITOR
Ctrl-V                  put the next key into the line as it is
Ctrl-A, Ctrl-E          to the beginning, to the end (emacs)
Alt-B, Alt-F            a word back, a word on (emacs)
Ctrl-W, Ctrl-U, Ctrl-K  cut a word, all before the cursor, all after it
Ctrl-Y                  put back what was cut
Ctrl-_                  undo
Ctrl-L                  clear the screen
Ctrl-Z                  stop wirecat; fg continues it
Escape                  command mode (vi); i, a and A insert, k and j are Up and Down
--edit-mode=vi has the keys of vi, --edit-mode=emacs those of emacs.
";
