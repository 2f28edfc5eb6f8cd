#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# mutate.pl TREE MUTANT: applies a mutant to the sources in TREE, and prints the files that it
# changed. A mutant is a text:
#
#     what it breaks, in a sentence or two
#     Tests: a b          the tests to ask first
#     File: core/x.c
#     --- from
#     …
#     --- to
#     …
#
# with as many `File` parts as it takes. The text of `from` must be in the file exactly once, but
# blanks and line ends in it match any others: a mutant outlives a new indentation.
use strict;
use warnings;

my ($tree, $mutant) = @ARGV;

sub slurp
{
    local $/;
    open my $in, '<', $_[0] or die "$_[0]: $!\n";
    return scalar <$in>;
}

# The tokens of a text with anything blank between them.
sub pattern
{
    my @tokens = $_[0] =~ /(\w+|[^\w\s])/g;
    my $re = '';

    for my $i (0 .. $#tokens) {
        my $words = $i > 0 && $tokens[$i] =~ /^\w/ && $tokens[$i - 1] =~ /^\w/;
        $re .= ($i == 0 ? '' : $words ? '\s+' : '\s*') . quotemeta $tokens[$i];
    }
    return qr/(?<!\w)$re(?!\w)/ if $tokens[0] =~ /^\w/ && $tokens[-1] =~ /^\w/;
    return qr/$re/;
}

my @parts = slurp($mutant) =~ /^File: (\S+)\n--- from\n(.*?)^--- to\n(.*?)(?=^File: |\z)/msg
    or die "$mutant: no `File`, `--- from`, `--- to`\n";
while (my ($file, $from, $to) = splice @parts, 0, 3) {
    my $text = slurp("$tree/$file");
    my $re = pattern($from);
    my $found = () = $text =~ /$re/g;

    chomp $to;
    die "$mutant: its `from` is $found times in $file\n" if $found != 1;
    $text =~ s/$re/$to/;
    open my $out, '>', "$tree/$file" or die "$tree/$file: $!\n";
    print $out $text;
    close $out or die "$tree/$file: $!\n";
    print "$file\n";
}
