# perl: hashes, sorting, regular expressions
# needs: perl=perl
# used: demo
perl -e '
    use strict;
    my ($state, %count, @lines) = (12345);
    sub next_number { return $state = ($state * 1103515245 + 12345) % 2147483648 }
    for my $n (1 .. 150_000) {
        my $word = join "", map { chr(97 + next_number() % 26) } 1 .. 2 + $n % 9;
        $count{substr $word, 0, 3}++;
        push @lines, "$n:$word" if $word =~ /^[a-m]+([n-z]+)(.)\2?/;
    }
    print scalar(keys %count), " ", scalar(@lines), "\n";
    print "$_ $count{$_}\n" for (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 50];
    print join("\n", (sort { length $a <=> length $b || $a cmp $b } @lines)[0 .. 50]), "\n";
    my $text = join ",", @lines;
    $text =~ s/(\d+):(\w+)/$2-$1/g;
    print length $text, " ", unpack("%32C*", $text), "\n";
'
