#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# text.pl LIST: what every text of the project has in common: a licence line first, lines of at most
# 100 columns (scripts: 120), no tabs (but in makefiles), no blanks at the end, no path of
# somebody's machine, no TODO without a reason. Warns of long files.
use strict;
use warnings;
use open qw(:std :encoding(UTF-8));

my ($bad, @long) = (0);
sub complain { print @_, "\n"; $bad = 1; }

my $path = qr{(?<![\w./\$\}~*])(/(?:root|home|work|Users|mnt)/\S*)};
my $about_todo = qr{^(tools/lint/text\.pl|CONTRIBUTING\.md)$};

open my $list, '<', $ARGV[0] or die "$ARGV[0]: $!\n";
chomp(my @names = <$list>);

for my $f (@names) {
    my $make = $f =~ /(^|\/)(GNUmakefile|\w+\.mk)$/;
    my $code = $make || $f =~ /\.(c|h|cc|S|sh|pl|awk|map|py)$/
        || $f =~ m{^(\.ci/run|\.clang-format|tests/laws\.txt)$};
    my $c = $f =~ /\.(c|h|cc)$/;
    my $patch = $f =~ /\.(patch|diff)$/;
    next unless $code || $f =~ /\.(md|txt)$/ || $patch;

    open my $in, '<', $f or die "$f: $!\n";
    my @lines = <$in>;
    close $in;
    complain "$f: no SPDX-License-Identifier in its first three lines"
        if $code && !grep { defined && /SPDX-License-Identifier: MIT/ } @lines[0 .. 2];
    complain "$f: its last line has no end" if @lines && $lines[-1] !~ /\n\z/;
    push @long, "$f has " . @lines . " lines" if @lines > 500 && $code;

    for my $i (0 .. $#lines) {
        my ($line, $where) = ($lines[$i], "$f:" . ($i + 1));
        chomp $line;
        complain "$where: a path of one machine: $1" if $line =~ $path;
        complain "$where: $1 without a reason (`TODO: what, because why`)"
            if $line =~ /\b(TODO|FIXME|XXX)\b(?!.*\bbecause\b)/ && $f !~ $about_todo;
        next if $patch;
        complain "$where: blanks at the end" if $line =~ /\s$/;
        complain "$where: a tab" if $line =~ /\t/ && !$make;
        # The laws are one line each; prose in Markdown may have tables and links.
        complain "$where: ", length $line, " columns"
            if $code && $f ne 'tests/laws.txt' && length $line > ($c ? 100 : 120);
    }
}
print "long: ", join(', ', @long), "\n" if @long;
exit $bad;
