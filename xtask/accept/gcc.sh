# gcc: a large C file, to the same object and the same output
# needs: gcc=gcc
# used: demo
{
    echo '#include <stdio.h>'
    for number in $(seq 1 400); do
        echo "static double f$number(double x, int n) { double s = $number; for (int i = 0; i < n; i++) { switch ((i * $number) % 5) { case 0: s += x * i; break; case 1: s -= x / (i + 1); break; case 2: s *= 1.0 + 1e-6 * x; break; case 3: s += (double)(i ^ $number); break; default: s = s > 1e9 ? s / 2 : s + 1; } } return s; }"
    done
    echo 'int main(void) { double s = 0;'
    for number in $(seq 1 400); do echo "s += f$number(0.5, $number * 10);"; done
    echo 'printf("%.6f\n", s); return 0; }'
} >large.c
gcc -O2 -c large.c -o large.o
gcc large.o -o large
./large
sha256sum large.o
