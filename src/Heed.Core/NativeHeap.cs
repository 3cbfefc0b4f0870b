using System.Runtime.InteropServices;

namespace Heed;

/// <summary>The C library's heap, from which native memory comes.</summary>
internal static partial class NativeHeap
{
    /// <summary>Gives pages that were freed back to the system. glibc keeps them otherwise; where there is no such function, the library
    /// returns them by itself.</summary>
    public static void Trim()
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = MallocTrim(0);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // musl: freed pages are returned at once.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint padding);
}
