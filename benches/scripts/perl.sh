# perl: hashes, sorting, regular expressions
# needs: perl=perl
env LD_PRELOAD="$LIBRARY" PERL_HASH_SEED=0 perl -e '
    my ($state, %count, @lines) = (12345);
    sub next_number { return $state = ($state * 1103515245 + 12345) % 2147483648 }
    for my $n (1 .. 1_500 * $ENV{SCALE}) {
        my $word = join "", map { chr(97 + next_number() % 26) } 1 .. 2 + $n % 9;
        $count{substr $word, 0, 4}++;
        push @lines, "$n:$word" if $word =~ /^[a-m]+([n-z]+)(.)\2?/;
    }
    my $text = join ",", sort { length $a <=> length $b || $a cmp $b } @lines;
    $text =~ s/(\d+):(\w+)/$2-$1/g;
    my @parts = map { [split /-/] } split /,/, $text;
    print scalar(keys %count), " ", scalar(@lines), " ", length $text, " ", scalar(@parts), "\n";
'
