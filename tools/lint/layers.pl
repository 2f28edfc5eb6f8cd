#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# layers.pl LIST: the layers, proved from the includes of the files that LIST names. A file includes
# its own layer and those below it; public headers include public headers; examples see what a user
# sees. No header includes itself by a detour, and only one file knows each foreign library.
use strict;
use warnings;

my %rank = (include => 0, arch => 1, core => 2, sync => 3, net => 4, shim => 5,
            tools => 6, examples => 6, tests => 6, bench => 6);
my @only = ([qr{^ev(\+\+)?\.h$}, 'core/loop.c', 'libev'],
            [qr{^ares(_\w+)?\.h$}, 'net/ares.c', 'c-ares'],
            [qr{^openssl/}, 'net/tls.c', 'OpenSSL']);

my %file;
open my $list, '<', $ARGV[0] or die "$ARGV[0]: $!\n";
chomp(my @names = <$list>);
$file{$_} = 1 for grep { /\.(c|h|cc|S|inc)$/ } @names;

# The file of the project that an #include means, or undef: the system's.
sub target
{
    my ($from, $mark, $name) = @_;
    my ($dir) = $from =~ m{^(.*)/};
    my @near = $mark eq '"' ? ("$dir/$name") : ();
    my @arch = sort grep { m{^arch/\w+/\Q$name\E$} } keys %file; # -Iarch/$(ARCH): any of them

    for (@near, $name, "include/$name", @arch) {
        return $_ if $file{$_};
    }
    return undef;
}

my ($bad, %includes) = (0);
sub complain { print @_, "\n"; $bad = 1; }

for my $f (sort keys %file) {
    my ($layer) = $f =~ m{^(\w+)/};
    complain "$f: lies in no layer" and next unless defined $layer && exists $rank{$layer};
    open my $in, '<', $f or die "$f: $!\n";
    while (<$in>) {
        next unless /^\s*#\s*include\s*([<"])([^>"]+)[>"]/;
        my ($mark, $name, $where) = ($1, $2, "$f:$.");
        my $t = target($f, $mark, $name);
        for (@only) {
            my ($header, $owner, $library) = @$_;
            # Benchmarks measure the peers themselves, and these tests put them into fibers.
            # shim/private.c passes their owners' calls on.
            next if $name !~ $header || $f eq $owner || $layer eq 'bench' ||
                $f =~ m{^tests/real/} || $f eq 'shim/private.c';
            complain "$where: only $owner knows $library, but this includes <$name>";
        }
        if (!defined $t) {
            # what is made at build time is made from its own layer's files
            complain "$where: \"$name\" is no file here" if $mark eq '"' && $name !~ m{^gen/};
            next;
        }
        my ($to) = $t =~ m{^(\w+)/};
        push @{ $includes{$f} }, $t;
        complain "$where: $layer/ may not include $t: $to/ lies above it"
            if $rank{$to} > $rank{$layer};
        complain "$where: an example includes $t: a user has only <gosling.h>"
            if $layer eq 'examples' && $to ne 'include' && $to ne 'examples';
        complain "$where: one program's layer includes another's ($t)"
            if $rank{$layer} == 6 && $rank{$to} == 6 && $to ne $layer
                && !($layer eq 'bench' && $t =~ m{^tests/\w*kit\.h$}); # servers for both
        complain "$where: <gosling/...> and <gosling.h> are included with angle brackets"
            if $to eq 'include' && $mark eq '"';
        complain "$where: our own headers are included with quotes"
            if $to ne 'include' && $mark eq '<';
    }
}

# Cycles among headers, depth first.
my (%state, @path);
sub visit
{
    my ($f) = @_;
    if (($state{$f} // '') eq 'open') {
        complain "a cycle of includes: ", join(' -> ', grep({ $_ eq $f .. 0 } @path), $f);
        return;
    }
    return if $state{$f};
    $state{$f} = 'open';
    push @path, $f;
    visit($_) for @{ $includes{$f} || [] };
    pop @path;
    $state{$f} = 'done';
}
visit($_) for sort grep { /\.h$/ } keys %file;

exit $bad;
