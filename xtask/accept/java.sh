# java: javac, then maps filled by a pool of threads
# needs: javac=default-jdk-headless
# used: asked
cat >Maps.java <<'JAVA'
import java.util.*;
import java.util.concurrent.*;

public class Maps {
    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<Integer>> sizes = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            final int factor = i;
            sizes.add(pool.submit(() -> {
                Map<String, Integer> map = new HashMap<>();
                for (int j = 0; j < 20000; j++) map.put("key" + j * factor, j);
                return map.size();
            }));
        }
        int sum = 0;
        for (Future<Integer> size : sizes) sum += size.get();
        pool.shutdown();
        System.out.println(sum);
    }
}
JAVA
javac Maps.java
java Maps
