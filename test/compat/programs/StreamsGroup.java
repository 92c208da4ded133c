import java.nio.file.Files;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

/**
 * A stateful topology in a streams group (KIP-1071): one instance, a second that takes half of the tasks, the first leaves,
 * all stop, and a third counts on with an empty state directory. Says what the group looked like; ends with ok.
 */
public class StreamsGroup {
  static final String APPLICATION = "counter", INPUT = "lines", OUTPUT = "counts";
  static final int PARTITIONS = 4;
  static String bootstrap;
  static final Map<String, Long> wanted = new HashMap<>();

  static Properties settings() {
    var settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    return settings;
  }

  static KafkaStreams start(String name) throws Exception {
    var settings = settings();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, APPLICATION);
    settings.put(StreamsConfig.CLIENT_ID_CONFIG, name);
    settings.put("group.protocol", "streams");
    settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory("streams-" + name).toString());
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "200");
    settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    var builder = new StreamsBuilder();
    builder.<String, String>stream(INPUT)
        .selectKey((key, word) -> word)
        .groupByKey(Grouped.as("by-word"))
        .count(Materialized.as("counts"))
        .toStream()
        .to(OUTPUT, Produced.with(Serdes.String(), Serdes.Long()));
    var streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    return streams;
  }

  static int tasks(KafkaStreams streams) {
    return streams.metadataForLocalThreads().stream().mapToInt(thread -> thread.activeTasks().size()).sum();
  }

  interface Condition { boolean holds() throws Exception; }

  static void await(String what, Condition condition) throws Exception {
    long end = System.currentTimeMillis() + 90_000;
    while (!condition.holds()) {
      if (System.currentTimeMillis() > end) throw new IllegalStateException("waited in vain: " + what);
      Thread.sleep(100);
    }
  }

  static void produce(int times, String... words) {
    try (var producer = new KafkaProducer<>(settings(), new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < times; i++) for (var word : words) {
        producer.send(new ProducerRecord<>(INPUT, "" + i, word));
        wanted.merge(word, 1L, Long::sum);
      }
    }
  }

  static void expectCounts() throws Exception {
    var settings = settings();
    settings.put("auto.offset.reset", "earliest");
    settings.put("group.id", "check-" + wanted.hashCode());
    Map<String, Long> counts = new HashMap<>();
    try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new LongDeserializer())) {
      consumer.subscribe(List.of(OUTPUT));
      await("counts " + wanted + ", got " + counts, () -> {
        consumer.poll(Duration.ofMillis(200)).forEach(record -> counts.put(record.key(), record.value()));
        return counts.equals(wanted);
      });
    }
  }

  static void describe(Admin admin, String when) throws Exception {
    var group = admin.describeStreamsGroups(List.of(APPLICATION)).all().get().get(APPLICATION);
    var held = new TreeSet<String>();
    group.members().forEach(member -> member.assignment().activeTasks().forEach(task -> task.partitions().forEach(partition -> held.add(task.subtopologyId() + "_" + partition))));
    System.out.println(when + ": " + group.groupState() + ", " + group.members().size() + " members, " + group.subtopologies().size() + " subtopologies, active " + held);
  }

  public static void main(String[] arguments) throws Exception {
    bootstrap = arguments[0];
    try (var admin = Admin.create(settings())) {
      admin.createTopics(List.of(new NewTopic(INPUT, PARTITIONS, (short) 1), new NewTopic(OUTPUT, 1, (short) 1))).all().get();
      var first = start("first");
      produce(50, "alpha", "beta", "gamma");
      expectCounts();
      await("all tasks at the first", () -> tasks(first) == 2 * PARTITIONS);
      describe(admin, "one instance");
      var second = start("second");
      await("half of the tasks at each", () -> tasks(first) == PARTITIONS && tasks(second) == PARTITIONS);
      produce(30, "beta", "delta");
      expectCounts();
      describe(admin, "two instances");
      first.close(Duration.ofSeconds(30));
      await("all tasks at the second", () -> tasks(second) == 2 * PARTITIONS);
      produce(20, "alpha", "delta");
      expectCounts();
      describe(admin, "the other instance");
      second.close(Duration.ofSeconds(30));
      var third = start("third");
      produce(10, "alpha", "omega");
      expectCounts();
      describe(admin, "after a restart");
      third.close(Duration.ofSeconds(30));
      var internal = new TreeSet<String>();
      admin.listTopics().names().get().stream().filter(name -> name.startsWith(APPLICATION)).forEach(internal::add);
      System.out.println("internal topics: " + internal);
    }
    System.out.println("ok streams-groups");
    System.exit(0);
  }
}
