package lakehouse.delta;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.s3a.AWSServiceIOException;
import org.apache.hadoop.fs.s3a.RemoteFileChangedException;

/**
 * Delta's log on S3 for any number of drivers: a commit is one PUT with {@code If-None-Match: *}.
 *
 * <p>Delta needs "create version N, or say that it is there". Its own S3SingleDriverLogStore looks
 * first and writes then, behind a lock of its JVM, so that two drivers lose commits in silence.
 * Here S3 decides. The condition travels with the request that completes the object, in a plain PUT
 * as well as at the end of a multipart upload, so a large commit is guarded like a small one.
 *
 * <p>A PUT whose answer was lost is sent again by the SDK and then refused for its own success.
 * Each commit therefore carries a random token as user metadata: a refusal by an object that has
 * our token is a success.
 */
public class ConditionalPutLogStore extends HadoopFileSystemLogStore {
  private static final String CONDITION = "fs.option.create.conditional.overwrite";
  private static final String TOKEN = "commit-token";
  private static final int CONFLICT = 409;
  private static final int ATTEMPTS = 10;
  private static final long PAUSE_MS = 50;

  public ConditionalPutLogStore(Configuration hadoopConf) {
    super(hadoopConf);
  }

  @Override
  public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration hadoopConf)
      throws IOException {
    // Whole before the stream is opened: closing a stream is what commits, so an iterator that
    // fails half way must find none. And a conflict can then be tried again.
    byte[] content = bytes(actions);
    FileSystem fs = path.getFileSystem(hadoopConf);
    if (overwrite) {
      send(fs.createFile(path).overwrite(true).recursive(), content);
    } else {
      create(fs, path, content);
    }
  }

  /** S3 shows an object only when it is complete. */
  @Override
  public Boolean isPartialWriteVisible(Path path, Configuration hadoopConf) {
    return false;
  }

  private static void create(FileSystem fs, Path path, byte[] content) throws IOException {
    String token = UUID.randomUUID().toString();
    for (int attempt = 1; ; attempt++) {
      try {
        FSDataOutputStreamBuilder<?, ?> file = fs.createFile(path).recursive();
        file.must(CONDITION, "true");
        file.opt("fs.s3a.create.header." + TOKEN, token);
        send(file, content);
        return;
      } catch (RemoteFileChangedException refused) { // 412: there is an object of that name
        if (isOurs(fs, path, token)) {
          return;
        }
        // The type by which Delta knows that another writer was faster: it rebases and goes on.
        FileAlreadyExistsException lost = new FileAlreadyExistsException(path.toString());
        lost.initCause(refused);
        throw lost;
      } catch (AWSServiceIOException fault) {
        // 409: another PUT of that name is under way and may still fail. Whether the version will
        // be there is open, so Delta must not be told that it is.
        if (fault.statusCode() != CONFLICT || attempt == ATTEMPTS) {
          throw fault;
        }
        pause(attempt * PAUSE_MS);
      }
    }
  }

  private static void send(FSDataOutputStreamBuilder<?, ?> file, byte[] content)
      throws IOException {
    FSDataOutputStream stream = file.build();
    try {
      stream.write(content);
    } catch (IOException | RuntimeException fault) {
      stream.abort(); // close() would commit what has been written so far
      throw fault;
    }
    stream.close();
  }

  private static boolean isOurs(FileSystem fs, Path path, String token) throws IOException {
    byte[] found = fs.getXAttrs(path).get("header." + TOKEN);
    return found != null && Arrays.equals(found, token.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] bytes(Iterator<String> actions) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    while (actions.hasNext()) {
      content.writeBytes(actions.next().getBytes(StandardCharsets.UTF_8));
      content.write('\n');
    }
    return content.toByteArray();
  }

  private static void pause(long milliseconds) throws IOException {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("stopped while a commit waited for another");
    }
  }
}
