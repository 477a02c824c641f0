# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion of ukdumpctl. What there is, its own --help says: no list to forget.

function __ukdumpctl
    set -l words (commandline -opc)
    # word, tab, explanation
    set -l verbs '^  ([a-z][a-z-]*)  +(.*)'
    set -l help (command $words[1] $words[2] --help 2>/dev/null)
    switch (count $words)-(commandline -ct)
        case '1-*'
            string replace -rf $verbs '$1\t$2' -- $help
            printf '%s\n' --help --version
        case '*-*-*' '*--*'
            # in lines of options only what stands in front of the explanation
            string replace -rf '^ {2,6}(-.*)' '$1' -- $help | string replace -r '  .*' '' |
                string match -ar -- '--[a-z][a-z-]*'
        case '2-*'
            string replace -rf $verbs '$1\t$2' -- $help
    end
end

complete -c ukdumpctl -n 'test (count (commandline -opc)) -eq 1' -f
complete -c ukdumpctl -a '(__ukdumpctl)'
