using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Heed;

/// <summary>
/// Writes files so that a crash, a kill or a full disk leaves either the old content or the new, never a half:
/// temporary file beside the target, checked <c>fsync</c>, rename, <c>fsync</c> of the folder.
/// </summary>
/// <remarks>.NET's <c>FileStream.Flush(true)</c> hides a failed fsync, so the C library's is called directly on Unix.</remarks>
internal static partial class DurableFile
{
    /// <summary>Ending of the temporary files; <see cref="RemoveLeftovers"/> deletes those a killed process left.</summary>
    public const string TemporaryEnding = ".heed-tmp";

    /// <summary>Writes <paramref name="path"/> by <paramref name="write"/>; on any failure the old file stays and no temporary file is left.</summary>
    /// <exception cref="StorageException">The disk is full, the folder is missing or not writable, or fsync failed.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(write);
        string full = Path.GetFullPath(path);
        string temporary = $"{full}.{Environment.ProcessId}-{Environment.CurrentManagedThreadId}{TemporaryEnding}";
        try
        {
            using (FileStream stream = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(stream);
                stream.Flush();
                Synchronize(stream.SafeFileHandle, temporary);
            }

            File.Move(temporary, full, overwrite: true);
            SynchronizeFolder(Path.GetDirectoryName(full)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{path}: cannot be written: {e.Message.TrimEnd('.')}. Free space or choose another place; the previous file, if any, is unchanged.", e);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    /// <summary>Writes <paramref name="text"/> as UTF-8 without a byte-order mark, see <see cref="Write"/>.</summary>
    public static void WriteText(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text);
        Write(path, stream => stream.Write(bytes));
    }

    /// <summary>Forces an open file's content to the disk.</summary>
    /// <exception cref="StorageException">The operating system reports that it could not.</exception>
    public static void Synchronize(SafeFileHandle handle, string path)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (OperatingSystem.IsWindows() || OperatingSystem.IsBrowser())
        {
            RandomAccess.FlushToDisk(handle);
            return;
        }

        bool taken = false;
        try
        {
            handle.DangerousAddRef(ref taken);
            if (Fsync((int)handle.DangerousGetHandle()) != 0) ThrowSystem(path, "fsync");
        }
        finally
        {
            if (taken) handle.DangerousRelease();
        }
    }

    /// <summary>Forces a folder's entries (creations, renames) to the disk; does nothing on Windows.</summary>
    /// <exception cref="StorageException">The folder cannot be opened or synchronised.</exception>
    public static void SynchronizeFolder(string folder)
    {
        if (OperatingSystem.IsWindows() || OperatingSystem.IsBrowser()) return;
        int descriptor = Open(folder, 0, 0);
        if (descriptor < 0) ThrowSystem(folder, "open");
        try
        {
            // Some file systems do not know fsync on folders and say EINVAL (22): their renames are durable on their own.
            if (Fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() != 22) ThrowSystem(folder, "fsync");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>True for what the system reads only in order: pipes, sockets, terminals. Opening one must not wait for the other end.</summary>
    internal static bool IsPipe(string path)
    {
        // O_RDONLY | O_NONBLOCK | O_CLOEXEC of the two systems whose values are known.
        int flags = OperatingSystem.IsLinux() ? 0x800 | 0x80000 : OperatingSystem.IsMacOS() ? 0x4 | 0x1000000 : -1;
        if (flags < 0) return false;
        int descriptor = Open(path, flags, 0);
        if (descriptor < 0) return false;
        using FileStream stream = new(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.Read, bufferSize: 0);
        return !stream.CanSeek;
    }

    /// <summary>Deletes temporary files that a killed process left in <paramref name="folder"/>.</summary>
    public static void RemoveLeftovers(string folder)
    {
        if (!Directory.Exists(folder)) return;
        foreach (string leftover in Directory.EnumerateFiles(folder, "*" + TemporaryEnding)) TryDelete(leftover);
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The write itself already failed or succeeded; a leftover temporary file is removed by RemoveLeftovers.
        }
    }

    private static void ThrowSystem(string path, string call)
    {
        int error = Marshal.GetLastPInvokeError();
        throw new StorageException($"{path}: {call} failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}). The data may not be on the disk; check the disk and write again.");
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
