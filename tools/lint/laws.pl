#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# laws.pl: tests/laws.txt against the tests. A law that is not pending is named by a test, outside
# of comments; a test names only laws that exist; a law that a test proves is not pending; every
# law's section is in docs/semantics.md.
use strict;
use warnings;

my ($bad, %law, %pending, %tested) = (0);
sub complain { print @_, "\n"; $bad = 1; }

open my $laws, '<', 'tests/laws.txt' or die "tests/laws.txt: $!\n";
while (<$laws>) {
    next if /^#/ || /^\s*$/;
    chomp;
    my ($id, $status, $sentence) = /^(S\d+\.\d{2,3}) \| (\w*) ?\| (\S.*)$/
        or complain("tests/laws.txt:$.: not `ID | status | sentence`") and next;
    complain "tests/laws.txt:$.: $id is there twice" if $law{$id}++;
    complain "tests/laws.txt:$.: unknown status '$status'" if $status ne '' && $status ne 'pending';
    $pending{$id} = 1 if $status eq 'pending';
}

my %section;
open my $page, '<', 'docs/semantics.md' or die "docs/semantics.md: $!\n";
while (<$page>) {
    $section{$1} = 1 if /^## (\d+)\. /;
}
for (sort keys %law) {
    my ($n) = /^S(\d+)/;
    complain "$_: docs/semantics.md has no section $n" unless $section{$n};
}

my $tests = 'tests/*.c tests/*.cc tests/*.h tests/*.sh tests/shim/*.c tests/shim/*.cc tests/real/*.c';
for my $f (glob("$tests tools/check-shim.sh tools/check-wrap.sh")) {
    local $/;
    open my $in, '<', $f or die "$f: $!\n";
    my $text = <$in>;
    if ($f =~ /\.sh$/) {
        $text =~ s/^\s*#.*$//mg;
    } else {
        # Strings are kept, and hide what looks like a comment in them.
        $text =~ s{("(?:\\.|[^"\\\n])*")|/\*.*?\*/|//[^\n]*}{defined $1 ? $1 : ' '}gse;
    }
    while ($text =~ /\b(S\d{1,2}\.\d{2,3})\b/g) {
        push @{ $tested{$1} }, $f unless grep { $_ eq $f } @{ $tested{$1} || [] };
    }
}

for (sort keys %law) {
    complain "$_ has no test" if !$tested{$_} && !$pending{$_};
    complain "$_ is pending, but tested by @{ $tested{$_} }" if $tested{$_} && $pending{$_};
}
for (sort keys %tested) {
    complain "$_ is no law, but named by @{ $tested{$_} }" unless $law{$_};
}

printf "%d laws, %d pending\n", scalar keys %law, scalar keys %pending;
exit $bad;
