#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# reflow.pl FILE…: wraps the paragraphs of block comments that are wider than 100 columns, keeps the
# indentation of lists, which clang-format would lose, and puts a comment that stands too far behind
# a declaration above it. Tables (three blanks inside a line) are left alone, and named; the status
# is 1 then. Part of `make format`, before clang-format, which would run their lines together.
use strict;
use warnings;
use open qw(:std :encoding(UTF-8));

use constant WIDTH => 100;
my $bad = 0;

# One paragraph: texts with their indentation behind ` *`. The first may be a list's item.
sub wrap
{
    my ($file, $line, $margin, @texts) = @_;
    my ($indent, $bullet) = $texts[0] =~ /^( *)((?:[-*]|\d+\.) +)?/;
    my $hang = @texts > 1 ? ($texts[1] =~ /^( *)/)[0] : $indent . ' ' x length($bullet // '');
    my $room = WIDTH - length("$margin *");

    return @texts unless grep { length > $room } @texts;
    if (grep { /\S {3,}\S/ } @texts) {
        print STDERR "$file:$line: a table in this comment is wider than ", WIDTH, " columns\n";
        $bad = 1;
        return @texts;
    }
    my @words = map { split } @texts;
    my @out = ($indent . shift @words);
    for (@words) {
        if (length($out[-1]) + 1 + length > $room) {
            push @out, "$hang$_";
        } else {
            $out[-1] .= " $_";
        }
    }
    return @out;
}

sub reflow_comment # the file, the first line's number, the lines of one block comment
{
    my ($file, $line, @lines) = @_;
    my ($margin) = $lines[0] =~ m{^(\s*)/\*};
    my (@out, @paragraph, @texts);

    for (@lines) {
        my $text = $_;
        $text =~ s{^\s*(?:/\*|\*(?!/))}{} or return @lines; # not in our form: leave it alone
        push @texts, $text;
    }
    $texts[-1] =~ s{\s*\*/$}{} or return @lines;
    my $flush = sub { push @out, wrap($file, $line, $margin, splice @paragraph) if @paragraph };
    for (@texts) {
        my ($indent, $bullet) = /^( *)((?:[-*]|\d+\.) )?/;
        if (!/\S/) {
            $flush->();
            push @out, '';
            next;
        }
        my ($first) = @paragraph ? $paragraph[0] =~ /^( *(?:(?:[-*]|\d+\.) +)?)/ : '';
        my $expected = @paragraph > 1 ? ($paragraph[1] =~ /^( *)/)[0] : ' ' x length $first;
        $flush->() if defined $bullet || (@paragraph && $indent ne $expected);
        push @paragraph, $_;
    }
    $flush->();
    $out[-1] .= ' */';
    if (length("$margin *$out[-1]") > WIDTH && $out[-1] =~ /\S \S+ \*\/$/) { # the end's own width
        my ($hang) = $out[-1] =~ /^( *)/;
        $out[-1] =~ s/ (\S+ \*\/)$// and push @out, "$hang$1";
    }
    my $n = 0;
    return map { my $s = $n++ ? "$margin *$_" : "$margin/*$_"; $s =~ s/\s+$//; $s } @out;
}

# A comment behind a declaration that is too long for it goes above it: returns its lines.
sub above
{
    my ($file, $i, $lines) = @_;
    my ($indent, $code, $comment) =
        $lines->[$i] =~ m{^(\s*)([^\s/#\}].*\S)\s+(/\* .* \*/)$} or return ();

    return () if length("$indent$code $comment") <= WIDTH || $code =~ m{/\*};
    return () unless $code =~ /[;,\{]$/ || ($code =~ /\)$/ && ($lines->[$i + 1] // '') eq '{');
    $lines->[$i] = "$indent$code";
    return reflow_comment($file, $i + 1, "$indent$comment");
}

for my $file (@ARGV) {
    open my $in, '<', $file or die "$file: $!\n";
    chomp(my @lines = <$in>);
    close $in;
    my (@out, @comment);

    for my $i (0 .. $#lines) {
        push @out, above($file, $i, \@lines) if !@comment;
        push @{ @comment || $lines[$i] =~ m{^\s*/\*} ? \@comment : \@out }, $lines[$i];
        if (@comment && $lines[$i] =~ m{\*/}) {
            push @out, $lines[$i] =~ m{\*/$} ? reflow_comment($file, $i + 2 - @comment, @comment)
                                             : @comment;
            @comment = ();
        }
    }
    push @out, @comment;
    next if "@out" eq "@lines";
    open my $to, '>', $file or die "$file: $!\n";
    print $to "$_\n" for @out;
    close $to or die "$file: $!\n";
}
exit $bad;
