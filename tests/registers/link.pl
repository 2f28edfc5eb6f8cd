#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# link.pl PROGRAM OBJECT…: links the register test for LoongArch, which no linker of Debian 12 knows:
# the sections that are loaded, but the tables of unwinding, go into two segments, and the few
# relocations that such objects have are applied ("LoongArch ELF psABI", section "Relocation types").
# It begins at _start.
use strict;
use warnings;

use constant {PROGBITS => 1, SYMTAB => 2, RELA => 4, NOBITS => 8, WRITE => 1, ALLOC => 2};
use constant {BASE => 0x20000000, PAGE => 0x10000};

my ($program, @names) = @ARGV;
my $image = "\0" x 0x1000; # the headers
my (%global, @relocations);

sub name_in { return unpack 'Z*', substr $_[0], $_[1] }

# Objects and their sections.
my @objects;
for my $file (@names) {
    open my $in, '<:raw', $file or die "$file: $!\n";
    local $/;
    my $elf = <$in>;
    die "$file: not an object of 64 bits, little-endian\n" if substr($elf, 0, 6) ne "\x7fELF\2\1";
    my ($at, $size, $count, $names) = unpack 'x40 Q< x10 S< S< S<', $elf;
    my @sections = map {
        my %s;
        @s{qw(name type flags addr at size link info align)} =
            unpack 'L< L< Q< Q< Q< Q< L< L< Q<', substr $elf, $at + $_ * $size, $size;
        $s{body} = $s{type} == NOBITS ? "\0" x $s{size} : substr $elf, $s{at}, $s{size};
        \%s
    } 0 .. $count - 1;
    $_->{name} = name_in($sections[$names]{body}, $_->{name}) for @sections;
    push @objects, \@sections;
}

# What is written lies in pages of its own: an emulator translates anew what lies beside that.
my $data;
for my $writable (0, 1) {
    $image .= "\0" x (-length($image) % PAGE) if $writable;
    $data = length $image;
    for my $s (map { @$_ } @objects) {
        next if !($s->{flags} & ALLOC) || $s->{name} eq '.eh_frame';
        next if !!($s->{flags} & WRITE) != $writable;
        $image .= "\0" x (-length($image) % ($s->{align} || 1));
        $s->{address} = BASE + length $image;
        $image .= $s->{body};
    }
}

for my $sections (@objects) {
    my ($table) = grep { $_->{type} == SYMTAB } @$sections;
    my $strings = $sections->[$table->{link}]{body};
    my @symbols;
    for my $entry (unpack '(a24)*', $table->{body}) {
        my ($name, $info, undef, $index, $value) = unpack 'L< C C S< Q<', $entry;
        my $s = $index && $index < 0xff00 ? $sections->[$index] : undef;
        my $address = $s && defined $s->{address} ? $s->{address} + $value : undef;
        $name = name_in($strings, $name);
        push @symbols, {name => $name, address => $address};
        $global{$name} = $address if $info >> 4 && defined $address;
    }
    for my $s (grep { $_->{type} == RELA } @$sections) {
        my $to = $sections->[$s->{info}];
        next unless defined $to->{address};
        for my $entry (unpack '(a24)*', $s->{body}) {
            my ($offset, $type, $i, $addend) = unpack 'Q< L< L< q<', $entry;
            push @relocations, [$to->{address} + $offset, $type, $symbols[$i], $addend];
        }
    }
}

for (@relocations) {
    my ($place, $type, $symbol, $addend) = @$_;
    my $value = $symbol->{address} // $global{$symbol->{name}};
    die "undefined: $symbol->{name}\n" unless defined $value;
    $value += $addend;
    my $at = $place - BASE;
    my $word = unpack 'L<', substr $image, $at, 4;
    if ($type == 2) { # R_LARCH_64
        substr $image, $at, 8, pack 'Q<', $value;
        next;
    } elsif ($type == 66) { # R_LARCH_B26
        my $to = ($value - $place) >> 2 & 0x3ffffff;
        $word = $word & 0xfc000000 | ($to & 0xffff) << 10 | $to >> 16;
    } elsif ($type == 71) { # R_LARCH_PCALA_HI20: the low part is signed
        my $pages = (($value + 0x800 >> 12) - ($place >> 12)) & 0xfffff;
        $word = $word & 0xfe00001f | $pages << 5;
    } elsif ($type == 72) { # R_LARCH_PCALA_LO12
        $word = $word & 0xffc003ff | ($value & 0xfff) << 10;
    } else {
        die "relocation $type, of $symbol->{name}, is not known here\n";
    }
    substr $image, $at, 4, pack 'L<', $word;
}

# ELF's header, of a LoongArch program with doubles, and the segments: read and execute, read and
# write.
my $end = length $image;
substr $image, 0, 64, "\x7fELF\2\1\1" . "\0" x 9 .
    pack 'S< S< L< Q< Q< Q< L< S< S< S< S< S< S<', 2, 258, 1, $global{_start}, 64, 0, 3, 64, 56, 2,
    64, 0, 0;
substr $image, 64, 112, pack '(L< L< Q< Q< Q< Q< Q< Q<)2',
    1, 5, 0, BASE, BASE, $data, $data, PAGE,
    1, 6, $data, BASE + $data, BASE + $data, $end - $data, $end - $data, PAGE;
open my $out, '>:raw', $program or die "$program: $!\n";
print $out $image;
close $out or die "$program: $!\n";
chmod 0755, $program;
